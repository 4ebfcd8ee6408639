"""Frames survive any split; the JSON is what the apps write; nothing but `WireError` is raised."""

import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.visor.pipe.frame import (
    LENGTH_MAX,
    PAYLOAD_MAX,
    ZERO,
    Addr,
    Cutter,
    Frame,
    Init,
    Loop,
    Packet,
    Type,
    encode,
    of_json,
    to_json,
)

PK = "02" + "ab" * 32
LOOP = Loop(Addr(ZERO, 1), Addr(PK, 65535))


def test_a_frame_survives_any_split() -> None:
    data = encode(Type.INIT, 7, b"{}") + encode(Type.SUCCESS, 254)
    for cut in range(len(data) + 1):
        cutter = Cutter()
        cutter.feed(data[:cut])
        got = list(cutter.frames())
        cutter.feed(data[cut:])
        assert got + list(cutter.frames()) == [Frame(0, 7, b"{}"), Frame(0xFF, 254, b"null")]


def test_replies_are_known() -> None:
    assert [Frame(type, 0, b"").is_reply for type in Type] == [False] * 5 + [True, True]


def test_the_largest_payload_fits_and_a_longer_one_does_not() -> None:
    encode(Type.SEND, 254, to_json(Packet(LOOP, bytes(PAYLOAD_MAX))))
    with pytest.raises(WireError, match=str(LENGTH_MAX)):
        encode(Type.SEND, 254, to_json(Packet(LOOP, bytes(PAYLOAD_MAX + 300))))


def test_the_names_in_json_are_those_of_the_apps() -> None:
    said = json.loads(to_json(Packet(LOOP, b"\xff\xfe")))
    assert said == {
        "loop": {"Local": {"pk": ZERO, "port": 1}, "Remote": {"pk": PK, "port": 65535}},
        "payload": "//4=",
    }
    init = b'{"app-name":"a","app-version":"1.0","protocol-version":"0.0.1"}'
    assert of_json(init, Init) == Init("a", "1.0", "0.0.1")
    assert of_json(to_json(Packet(LOOP, b"x")), Packet) == Packet(LOOP, b"x")


@pytest.mark.parametrize("body", [b"", b"null", b'{"pk":"02","port":1}', to_json({"pk": PK, "port": -1})])
def test_other_json_is_a_fault(body: bytes) -> None:
    with pytest.raises(WireError, match="Addr"):
        of_json(body, Addr)


def test_a_frame_without_type_is_a_fault() -> None:
    cutter = Cutter()
    cutter.feed(b"\0\1x")
    with pytest.raises(WireError, match="no type"):
        list(cutter.frames())


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_a_fault(data: bytes) -> None:
    cutter = Cutter()
    cutter.feed(data)
    with contextlib.suppress(WireError):
        for frame in cutter.frames():
            assert len(frame.body) < LENGTH_MAX


@given(st.binary(max_size=200), st.sampled_from([Init, Addr, Loop, Packet]))
def test_any_body_is_read_or_a_fault(data: bytes, type: type) -> None:
    for body in (data, b"[" * 5000 + data, b'{"pk":' + data):
        with contextlib.suppress(WireError):
            of_json(body, type)


def test_random_payloads_come_back() -> None:
    payload = os.urandom(40_000)
    assert of_json(to_json(Packet(LOOP, payload)), Packet).payload == payload


def test_a_first_frame_that_is_no_init_is_not_waited_for() -> None:
    cutter = Cutter(16)
    cutter.feed(encode(Type.INIT, 0, b"x" * 14) + encode(Type.SEND, 1, b"x" * 1000))
    assert [len(frame.body) for frame in cutter.frames()] == [14, 1000]
    strange = Cutter(16)
    strange.feed(b"hello world")
    with pytest.raises(WireError, match="a first frame of 26725 bytes"):
        list(strange.frames())
