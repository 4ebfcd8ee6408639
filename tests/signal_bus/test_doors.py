import os
from pathlib import Path

import pytest

from signal_bus import limits
from signal_bus.codec import encode
from signal_bus.messages import Ok, Ping, Pong, Ready
from signal_bus.testing import RawPeer, apps_endpoint, serving, until
from tests.support.signals import run_python

FIRST_ID = """
import struct, sys, zmq
from signal_bus.doors import seed_routing_ids
context = zmq.Context()
if sys.argv[2] == "seeded":
    seed_routing_ids()
router = context.socket(zmq.ROUTER)
router.bind(f"ipc://{sys.argv[1]}")
first = context.socket(zmq.DEALER)
first.connect(f"ipc://{sys.argv[1]}")
first.send(b"x")
print(router.recv().hex())
context.destroy(linger=0)
"""


async def test_a_peer_that_names_itself_is_not_heard(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _):
        for name in (b"me", b"\0\0\0\0\1\2"):
            async with RawPeer(apps_endpoint(short_tmp), name=name) as peer:
                peer.send(encode(Ping(), request="1"))
                await until(lambda: server.counters()["apps-dropped"] >= 1)
                assert not peer.received
        assert server.counters()["apps-links"] == 0


async def test_a_message_of_several_frames_is_dropped_whole(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as peer:
        peer.send(encode(Ping()), b"more", b"and more")
        peer.send(b"", encode(Ping()))
        answer = await peer.ask(Ping(), request="after")
        assert answer.envelope.re == "after"
        assert isinstance(answer.body, Pong)
        assert server.counters()["apps-dropped"] == 2


async def test_the_kernel_says_who_is_there(short_tmp: Path) -> None:
    async with serving(short_tmp) as (_, told), RawPeer(apps_endpoint(short_tmp)) as peer:
        await peer.join()
        assert (told.peers[0].uid, told.peers[0].pid) == (os.getuid(), os.getpid())


async def test_an_oversized_frame_ends_the_connection_before_it_is_in_memory(short_tmp: Path) -> None:
    async with (
        serving(short_tmp),
        RawPeer(apps_endpoint(short_tmp)) as rude,
        RawPeer(apps_endpoint(short_tmp)) as polite,
    ):
        rude.send(b"x" * (limits.MESSAGE_BYTES + 1))
        assert isinstance((await polite.ask(Ping())).body, Pong)
        assert not rude.received


async def test_strangers_are_forgotten_to_make_room_and_met_again(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STRANGERS", 2)
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as member:
        await member.join()
        peers = [RawPeer(apps_endpoint(short_tmp)) for _ in range(4)]
        for peer in peers:
            assert isinstance((await peer.ask(Ping())).body, Pong)
        assert server.counters()["apps-links"] == 3  # the member, and two strangers
        assert isinstance((await peers[0].ask(Ping())).body, Pong)
        assert isinstance((await member.ask(Ready(), request="r")).body, Ok)
        for peer in peers:
            await peer.__aexit__()


def test_routing_ids_cannot_be_foreseen(short_tmp: Path) -> None:
    plain = {run_python(FIRST_ID, short_tmp / "a.ipc", "plain") for _ in range(2)}
    seeded = {run_python(FIRST_ID, short_tmp / "a.ipc", "seeded") for _ in range(3)}
    assert len(plain) == 1, "libzmq seeds its ids now: seed_routing_ids may go"
    assert len(seeded) == 3
