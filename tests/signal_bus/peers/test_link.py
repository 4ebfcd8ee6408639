import asyncio
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_bus.codec import decode, encode
from signal_bus.kinds import PEER_KINDS
from signal_bus.messages import Ping
from signal_bus.peers import link as module
from signal_bus.peers.messages import (
    PeerBye,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerHello,
    PeerOpen,
    PeerRoster,
    PeerState,
)
from signal_bus.testing import until
from tests.support.peering import Side, hello_of, joined
from tests.support.rosters import host

A, B = sorted((host(1), host(2)), key=lambda one: one.public_key)


def said(side: Side) -> list[object]:
    return [decode(data, PEER_KINDS).body for data in side.port.sent]


async def test_both_say_hello_and_then_how_they_are() -> None:
    left, right = await joined(A, B)
    assert left.ears.greetings == [hello_of(B)]
    left.link.state(PeerState(time=1.0, apps_up=3))
    right.link.say(PeerRoster(members=(b"x",)))
    await until(lambda: left.ears.notes and right.ears.notes)
    assert right.ears.notes == [PeerState(time=1.0, apps_up=3)]
    assert left.ears.notes == [PeerRoster(members=(b"x",))]


async def test_each_numbers_its_own_streams() -> None:
    left, right = await joined(A, B)
    left.link.open("door", {})
    right.link.open("door", {})
    await until(lambda: left.ears.streams and right.ears.streams)
    assert [body.stream for body in said(left) if isinstance(body, PeerOpen)] == [1]
    assert [body.stream for body in said(right) if isinstance(body, PeerOpen)] == [2]
    assert left.link.streams == 2


@pytest.mark.parametrize(
    "body",
    [PeerState(time=1.0), PeerRoster(), PeerOpen(stream=1, kind="door"), PeerData(stream=1, data=b"x")],
)
async def test_who_does_not_say_hello_first_is_not_heard(body: PeerState) -> None:
    side = Side(A, B)
    side.hear(body)
    assert side.ears.ends == ["not-joined"]
    assert said(side) == [PeerBye(code="not-joined", text="say hello first")]
    side.hear(hello_of(B))
    assert side.ears.greetings == []


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "bad-message"),
        (b"garbage", "bad-message"),
        (bytes(1 << 20) + b"x", "too-large"),
        (encode(PeerHello(cluster=bytes(3), key=bytes(32), label="", roster=bytes(32))), "bad-message"),
        (encode(Ping()), "not-permitted"),
        (encode(hello_of(B)), "bad-message"),
        (encode(PeerClose(stream=9)), "bad-message"),
        (encode(PeerCredit(stream=9, bytes=1)), "bad-message"),
    ],
)
async def test_nonsense_ends_its_own_connection(data: bytes, code: str) -> None:
    side = Side(A, B)
    side.hear(hello_of(B))
    side.link.hear(data)
    assert side.ears.ends == [code]
    assert side.port.closed == code


async def test_a_message_of_a_newer_version_is_passed_over() -> None:
    side = Side(A, B)
    side.hear(hello_of(B))
    side.link.hear(encode(PeerBye(code="x")).replace(b"peer.bye", b"peer.new"))
    assert side.ears.ends == []


async def test_a_flood_ends_its_own_connection() -> None:
    side = Side(A, B)
    side.hear(hello_of(B))
    for _ in range(3 * int(module.NOTES_BURST)):
        side.hear(PeerState(time=1.0))
    assert side.ears.ends == ["rate-limited"]
    assert len(side.ears.notes) < 3 * module.NOTES_BURST


async def test_a_goodbye_ends_the_streams() -> None:
    left, right = await joined(A, B)
    stream = left.link.open("door", {})
    right.link.end("stopped", "the daemon ends")
    await left.link.finished.wait()
    assert left.ears.ends == ["stopped"]
    with pytest.raises(ConnectionResetError, match="the daemon ends"):
        await stream.read()
    left.link.end("left", "again")
    left.link.say(hello_of(A))
    left.link.state(PeerState(time=1.0))
    assert left.ears.ends == ["stopped"]


async def test_a_full_socket_loses_nothing_and_sends_the_newest_state() -> None:
    left, right = await joined(A, B)
    left.port.full = True
    stream = left.link.open("door", {})
    await stream.write(b"kept")
    left.link.say(PeerRoster(cards=(b"y",)))
    left.link.state(PeerState(time=1.0))
    await asyncio.sleep(3 * module.CLOGGED_S)
    left.link.state(PeerState(time=2.0))
    left.port.full = False
    await until(lambda: right.ears.streams)
    assert right.ears.notes == [PeerRoster(cards=(b"y",)), PeerState(time=2.0)]
    assert await right.ears.streams[0].read() == b"kept"


async def test_a_connection_that_is_gone_ends_the_link() -> None:
    left, _ = await joined(A, B)
    left.port.gone = True
    left.link.state(PeerState(time=1.0))
    await left.link.finished.wait()
    assert left.ears.ends == ["gone"]


async def test_a_peer_that_takes_no_notes_loses_the_link() -> None:
    left, _ = await joined(A, B)
    left.port.full = True
    for _ in range(module.NOTES_MAX + 1):
        left.link.say(PeerRoster())
    assert left.ears.ends == ["unread"]


@given(frames=st.lists(st.binary(max_size=60) | st.sampled_from([encode(hello_of(B))]), max_size=6))
@settings(max_examples=100, deadline=None)
async def test_whatever_comes_the_link_stands_or_ends(frames: list[bytes]) -> None:
    side = Side(A, B)
    for frame in frames:
        side.link.hear(frame)
    assert side.link.over == bool(side.ears.ends)
    side.link.end("left", "")


async def test_random_bytes_after_a_hello_never_raise() -> None:
    ended = 0
    for _ in range(200):
        side = Side(A, B)
        side.hear(hello_of(B))
        side.link.hear(b"\x82\xa1t" + os.urandom(20))
        ended += bool(side.ears.ends)
    assert ended > 150  # a few are messages of a tag that nobody knows, which are passed over
