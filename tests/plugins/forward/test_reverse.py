"""A port at a peer is asked for again whenever it was lost."""

import asyncio
import socket
from pathlib import Path

import pytest

from plugins.forward import reverse
from tests.support.forwarding import asked, echoing, sides
from tests.support.nodes import until


async def test_it_comes_back_when_the_peer_does(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "LONGEST_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    async with sides(short_tmp) as (near, far), echoing(b"home ") as place, asyncio.timeout(60):
        await near.does(f"rev {far.key}:{listen} {place}")
        back = next(iter(near.server._work._backs.values()))
        await until(lambda: back.trouble != "not asked yet")
        assert back.address == ""
        await far.does(f"lend {listen} --to {near.key}")
        await until(lambda: back.address == listen)
        await far.stop()
        await until(lambda: back.trouble)
        await far.start()
        await until(lambda: back.address == listen)
        assert await asked(listen, b"x") == b"home x"
        await until(lambda: back.figures()["served"] == 1)


async def test_a_rule_that_the_peer_takes_back_is_shown(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    async with sides(short_tmp) as (near, far), asyncio.timeout(60):
        lent = await far.does(f"lend {listen} --to {near.key}")
        await near.does(f"rev {far.key}:{listen} 9")
        back = next(iter(near.server._work._backs.values()))
        await until(lambda: back.address == listen)
        await far.server.remove(lent["id"])
        await until(lambda: back.trouble)
        assert back.address == ""
