import contextlib
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus import limits
from signal_bus.codec import Form, decode, encode, form_of
from signal_bus.envelope import Fault
from signal_bus.errors import WireError
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.kinds import CLIENT_KINDS, KINDS, OPERATOR_KINDS, RESERVED, SERVER_KINDS, Kind
from signal_bus.messages import (
    Beat,
    Body,
    Call,
    Error,
    EventNote,
    Find,
    Hello,
    Offer,
    Ping,
    Result,
    UsageNote,
    VerbRequest,
)

FORMS = list(Form)
SIDES = [CLIENT_KINDS, OPERATOR_KINDS, SERVER_KINDS]
SAMPLES: list[Body] = [
    Ping(),
    Hello(
        session=Session("12345678"), seq=SeqId(7), generation=Generation(2), wants=("exited",), resume=True
    ),
    Beat(lag_s=0.25, work=9),
    Offer(name="web", type="http", address="127.0.0.1:80", ttl_s=5.0, meta={"a": "b"}),
    EventNote(topic="x", data={"deep": [1, 2.5, None, {"a": "ü"}]}),
    Result(value=[1, "two", {"three": 3}]),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", SAMPLES)
def test_what_is_encoded_is_decoded(body: Body, form: Form) -> None:
    packet = decode(encode(body, form, request="q", n=3), CLIENT_KINDS)
    assert packet.body == body
    assert (packet.form, packet.envelope.id, packet.envelope.n) == (form, "q", 3)


@pytest.mark.parametrize("form", FORMS)
def test_every_truncation_is_a_wire_error(form: Form) -> None:
    for body in SAMPLES:
        data = encode(body, form, request="q")
        for cut in range(len(data)):
            with pytest.raises(WireError):
                decode(data[:cut], CLIENT_KINDS)


@given(data=st.binary(max_size=200), side=st.sampled_from(SIDES))
def test_random_bytes_are_a_message_or_a_wire_error(data: bytes, side: Mapping[str, Kind]) -> None:
    try_to_decode(data, side)


@given(
    tag=st.sampled_from([*KINDS, *RESERVED, "?"]),
    body=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    form=st.sampled_from(FORMS),
)
def test_any_body_under_any_tag_is_a_message_or_a_wire_error(tag: str, body: object, form: Form) -> None:
    write = msgspec.msgpack.encode if form is Form.MSGPACK else msgspec.json.encode
    for side in SIDES:
        try_to_decode(write({"t": tag, "id": "1", "body": body}), side)


@given(data=st.data(), form=st.sampled_from(FORMS))
def test_a_changed_byte_is_a_message_or_a_wire_error(data: st.DataObject, form: Form) -> None:
    frame = bytearray(encode(data.draw(st.sampled_from(SAMPLES)), form, request="q"))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try_to_decode(bytes(frame), CLIENT_KINDS)


def try_to_decode(data: bytes, side: Mapping[str, Kind]) -> None:
    with contextlib.suppress(WireError):
        decode(data, side)


@pytest.mark.parametrize("depth", [10_000, 200_000])
def test_deep_nesting_is_a_wire_error(depth: int) -> None:
    packed = b"\x82\xa1t\xa6result\xa4body\x81\xa5value" + b"\x91" * depth + b"\xc0"
    written = b'{"t":"result","body":{"value":' + b"[" * depth + b"]" * depth + b"}}"
    for data in (packed, written):
        with pytest.raises(WireError):
            decode(data, CLIENT_KINDS)


def test_a_length_that_is_not_there_takes_no_memory() -> None:
    for header in (b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"):
        with pytest.raises(WireError):
            decode(b"\x82\xa1t\xa6result\xa4body\x81\xa5value" + header + b"\xff\xff\xff\xf0", CLIENT_KINDS)


def test_size_is_checked_before_anything_else() -> None:
    with pytest.raises(WireError) as caught:
        decode(b"\xff" * (limits.MESSAGE_BYTES + 1), CLIENT_KINDS)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("form", FORMS)
def test_a_body_over_its_kinds_limit_is_refused_before_it_is_decoded(form: Form) -> None:
    fits = UsageNote(figures={"a": 1.0})
    assert decode(encode(fits, form), CLIENT_KINDS).body == fits
    write = msgspec.msgpack.encode if form is Form.MSGPACK else msgspec.json.encode
    body = {"figures": "not even a map" * limits.USAGE_BYTES}
    with pytest.raises(WireError) as caught:
        decode(write({"t": "usage", "id": "9", "body": body}), CLIENT_KINDS)
    assert (caught.value.code, caught.value.request) == ("too-large", "9")


def test_an_envelope_cannot_hide_what_a_body_may_not_carry() -> None:
    data = msgspec.msgpack.encode({"t": "ping", "extra": "x" * limits.ENVELOPE_BYTES})
    with pytest.raises(WireError) as caught:
        decode(data, CLIENT_KINDS)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("tag", ["nonsense", *RESERVED])
def test_an_unknown_kind_is_unsupported_and_names_its_request(tag: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(msgspec.json.encode({"t": tag, "id": "42"}), CLIENT_KINDS)
    assert (caught.value.code, caught.value.request) == ("unsupported", "42")


def test_a_kind_of_another_side_is_not_permitted() -> None:
    with pytest.raises(WireError) as caught:
        decode(encode(VerbRequest(argv=("apps",)), request="1"), CLIENT_KINDS)
    assert caught.value.code == "not-permitted"
    with pytest.raises(WireError) as caught:
        decode(encode(Call(method="x")), CLIENT_KINDS)
    assert caught.value.code == "not-permitted"


def test_another_version_is_unsupported() -> None:
    with pytest.raises(WireError) as caught:
        decode(msgspec.json.encode({"t": "ping", "v": 2}), CLIENT_KINDS)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("data", [b"", b"ping", b"[1]", b"\x93\x01\x02\x03", b"\xc0", b' {"t":"ping"}'])
def test_a_frame_is_one_map(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data, CLIENT_KINDS)


def test_bytes_after_the_map_are_an_error() -> None:
    for form in FORMS:
        with pytest.raises(WireError):
            decode(encode(Find(), form) + b"\x80", CLIENT_KINDS)


def test_an_error_carries_its_fault() -> None:
    fault = Fault("busy", "later", retry=True)
    packet = decode(encode(Error(), re="1", err=fault), SERVER_KINDS)
    assert packet.envelope.err == fault


def test_the_form_of_garbage_is_told_by_its_first_byte() -> None:
    assert form_of(b"{garbage") is Form.JSON
    assert form_of(b"") is form_of(b"\xff") is Form.MSGPACK
