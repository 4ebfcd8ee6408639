"""Frames and messages of the stream."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn import wire
from plugins.vpn.wire import Hello, Kind, Lease, Refused, VpnWireError

PACKETS = (Kind.PACKET, Kind.QUESTION, Kind.ANSWER)
frame = st.tuples(st.sampled_from(Kind), st.binary(max_size=300))
lease = Lease("10.44.0.7", "10.44.0.1", "fd00::7", "fd00::1")


@given(st.lists(frame, max_size=8), st.binary(max_size=3))
def test_frames_come_apart_as_they_were_joined(said: list[tuple[Kind, bytes]], rest: bytes) -> None:
    data = memoryview(b"".join(wire.frame(kind, body) for kind, body in said) + rest)
    assert [(kind, bytes(data[start:end])) for kind, start, end in wire.frames(data)] == said


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    with contextlib.suppress(VpnWireError):
        for _, start, end in wire.frames(memoryview(data)):
            assert 4 <= start <= end <= len(data)


def test_a_frame_is_judged_by_its_head_alone() -> None:
    for kind in Kind:
        most = wire.MOST if kind in PACKETS else wire.TEXT_MOST
        assert wire.split_head(wire.head(kind, most)) == (kind, most)
        with pytest.raises(VpnWireError, match=f"{kind.name.lower()} of {most + 1} bytes"):
            wire.split_head(wire.head(kind, most + 1))
    with pytest.raises(VpnWireError, match="a frame of kind 8"):
        wire.split_head(b"\x08\0\0\0")


@pytest.mark.parametrize("message", [Hello(), Hello(1, False, True), lease, Refused("no room")])
def test_a_message_is_understood_as_it_was_said(message: Hello | Lease | Refused) -> None:
    body = wire.said(message)[wire.HEAD :]
    kind: type[Lease] = type(message)  # type: ignore[assignment]  # each of the three in turn
    assert wire.understood(body, kind) == message
    for cut in range(len(body)):
        with pytest.raises(VpnWireError):
            wire.understood(body[:cut], kind)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_lease_or_refused(data: bytes) -> None:
    with contextlib.suppress(VpnWireError):
        wire.understood(data, Lease)


def test_a_lease_is_of_addresses_only() -> None:
    assert lease.checked() is lease
    assert Lease("10.44.0.7", "10.44.0.1").checked().ipv6 == ""
    for words in (
        ("10.0.0.2 accept\n", "10.0.0.1"),
        ("10.0.0.2", "10.0.0.2"),
        ("", ""),
        ("127.0.0.1", "10.0.0.1"),
        ("10.0.0.2", "0.0.0.0"),
        ("10.0.0.2", "10.0.0.1", "fd00::1", ""),
        ("10.0.0.2", "10.0.0.1", "fd00::1", "ff02::1"),
        ("10.0.0.2", "10.0.0.1", "fe80::1%lo; reboot", "fd00::2"),
    ):
        with pytest.raises(VpnWireError, match="a lease"):
            Lease(*words).checked()
