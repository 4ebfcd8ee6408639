"""Reach between two nodes, as two daemons use it."""

import asyncio
import os
import stat
from pathlib import Path

import zmq

from plugins.reach.places import Place
from tests.support.nodes import until
from tests.support.reaching import hosts, led, shouting, talk


async def test_a_socket_here_leads_to_a_place_there(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far), shouting(short_tmp / "s"):
        assert far.server.serve({"peers": Place(str(short_tmp / "s"), frozenset({near.key}))}) == 1
        path = await led(near, far)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with talk(path) as first, talk(path) as second:
            assert await first.says(b"hello") == b"HELLO"
            assert await second.says(b"there") == b"THERE"
            status = await near.server.status()
            assert [(way["peer"], way["to"], way["open"]) for way in status["ways"]] == [
                (far.key, "peers", 2)
            ]
            assert (await far.server.status())["led"] == [{"peer": near.key, "to": "peers"}] * 2
        await until(lambda: not far.server._answering.rows())
        assert (await far.server.status())["served"] == 2
        assert near.server.leave(str(path))
        assert not near.server.leave(str(path))
        assert not path.exists()


def echoed(router: zmq.Socket[bytes], dealer: zmq.Socket[bytes], data: bytes) -> bytes:
    """What comes back to the dealer when the router sends all back."""
    for socket in (router, dealer):
        socket.rcvtimeo = 30_000
    dealer.send(data)
    router.send_multipart(router.recv_multipart())
    return dealer.recv()


async def test_curve_runs_over_it_as_between_two_daemons(short_tmp: Path) -> None:
    public, secret = zmq.curve_keypair()
    mine, hidden = zmq.curve_keypair()
    data = os.urandom(100_000)
    async with hosts(short_tmp) as (near, far):
        with (
            zmq.Context() as context,
            context.socket(zmq.ROUTER) as router,
            context.socket(zmq.DEALER) as dealer,
        ):
            context.linger = 0
            router.curve_server, router.curve_secretkey = True, secret
            router.bind(f"ipc://{short_tmp}/r")
            far.server.serve({"peers": Place(f"{short_tmp}/r", frozenset({near.key}))})
            dealer.curve_serverkey, dealer.curve_publickey, dealer.curve_secretkey = public, mine, hidden
            dealer.connect(f"ipc://{await led(near, far)}")
            assert await asyncio.to_thread(echoed, router, dealer, data) == data
