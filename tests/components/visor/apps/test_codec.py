"""Messages survive any split; what is none is refused and nothing else is raised."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import CallerError, WireError
from components.visor.apps import codec
from components.visor.apps.codec import HEAD, Cutter, encode
from components.visor.apps.limits import MAX_FRAME
from components.visor.apps.messages import (
    Collect,
    Datagram,
    Describe,
    Description,
    Dial,
    Done,
    Ended,
    Failed,
    Fate,
    FromApp,
    FromVisor,
    Hello,
    Incoming,
    Joined,
    Later,
    Letter,
    Listen,
    Meaning,
    Post,
    Posted,
    Reset,
    Resolve,
    Send,
    StreamFacts,
    Took,
    Unlisten,
)

KEY = bytes(range(32))
QUESTIONS: list[FromApp] = [
    Hello(1, "socks", 1, 7, 2),
    Listen(2, 3),
    Unlisten(3, 3),
    Dial(4, KEY, 3, 2, (KEY,), "bulk", fd=True),
    Send(5, KEY, 3, b"data", 4),
    Reset(6, 1, 300),
    Describe(7),
    Resolve(8, "mike"),
    Post(9, KEY, 1, bytes(16), b"data"),
    Collect(10, 1),
    Took(11, 1, 2**40),
    Later(12, 1, 2**40),
]
TOLD: list[FromVisor] = [
    Joined(1, KEY, 1, 64, 4096, 64),
    Done(2, 3, 4, fd=True),
    Failed(3, "port-taken", "port 3"),
    Description(4, "a", KEY, (3,), 1, 1, (StreamFacts(1, KEY, 3, 4, True, 5, 6),)),
    Meaning(5, KEY, "mike"),
    Incoming(1, 3, KEY, 4),
    Datagram(3, KEY, 4, b"data"),
    Posted(6, "queued"),
    Letter(1, KEY, bytes(16), 2**42, 7, b"data"),
    Fate(bytes(16), "read"),
    Ended(1, None, 5, 6),
    Ended(1, 3),
]


@pytest.mark.parametrize("message", QUESTIONS, ids=lambda message: type(message).__name__)
def test_an_apps_message_comes_back_whatever_the_split(message: FromApp) -> None:
    data = encode(message) * 2
    for cut in range(len(data) + 1):
        cutter = Cutter(codec.of_app)
        cutter.feed(data[:cut])
        got = list(cutter.messages())
        cutter.feed(data[cut:])
        assert got + list(cutter.messages()) == [message, message]


@pytest.mark.parametrize("message", TOLD, ids=lambda message: type(message).__name__)
def test_a_visors_message_comes_back_byte_by_byte(message: FromVisor) -> None:
    cutter, got = Cutter(codec.of_visor), []
    for byte in encode(message):
        cutter.feed(bytes([byte]))
        got += list(cutter.messages())
    assert got == [message]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_fault(data: bytes) -> None:
    for body in (data, len(data).to_bytes(HEAD, "big") + data):
        cutter = Cutter(codec.of_app)
        cutter.feed(body)
        with contextlib.suppress(WireError):
            list(cutter.messages())


@given(st.sampled_from(QUESTIONS), st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_is_a_message_or_a_fault(message: FromApp, at: int, value: int) -> None:
    data = bytearray(encode(message))
    data[at % len(data)] = value
    cutter = Cutter(codec.of_app)
    cutter.feed(data)
    with contextlib.suppress(WireError):
        list(cutter.messages())


def test_a_length_past_the_bound_is_refused_before_it_is_waited_for() -> None:
    cutter = Cutter(codec.of_app)
    cutter.feed((MAX_FRAME + 1).to_bytes(HEAD, "big"))
    with pytest.raises(WireError, match="65537 bytes"):
        list(cutter.messages())


def test_deep_nesting_is_refused() -> None:
    body = b"\x91" * 5000
    cutter = Cutter(codec.of_app)
    cutter.feed(len(body).to_bytes(HEAD, "big") + body)
    with pytest.raises(WireError):
        list(cutter.messages())


@pytest.mark.parametrize(
    "bad",
    [{"t": "listen", "id": 1, "port": 65536}, {"t": "send", "id": 1, "pk": b"", "port": 1, "data": b""}],
)
def test_values_out_of_range_are_refused(bad: dict[str, object]) -> None:
    body = msgspec.msgpack.encode(bad)
    cutter = Cutter(codec.of_app)
    cutter.feed(len(body).to_bytes(HEAD, "big") + body)
    with pytest.raises(WireError):
        list(cutter.messages())


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(CallerError, match="at most 65536"):
        encode(Failed(1, "x", "y" * MAX_FRAME))


def test_half_of_a_letter_is_refused() -> None:
    with pytest.raises(CallerError, match="half of a letter"):
        encode(Resolve(1, "\ud800"))
