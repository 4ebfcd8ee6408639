"""Ports that are lent: open while their peer holds them, and a moment longer."""

import asyncio
import socket
from pathlib import Path

import pytest

from components.visor.app import App
from plugins.forward import request
from plugins.forward.lending import GOODBYE
from plugins.forward.request import Answer, Lend
from tests.support.forwarding import PORT, Side, sides
from tests.support.nodes import until


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


async def asking(app: App, far: Side, listen: str) -> Answer:
    """Ask for a port, and hold it as long as `app` lives."""
    app.holding = await app.dial(far.key, PORT)  # type: ignore[attr-defined]  # the test's own
    app.holding.write(request.line(Lend(listen=listen, token="t")))  # type: ignore[attr-defined]  # as above
    return request.answer(await app.holding.readline())  # type: ignore[attr-defined]  # as above


def is_open(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    with socket.socket() as sock:
        return sock.connect_ex((host, int(port))) == 0


async def test_a_port_outlives_a_peer_that_is_away_for_a_moment(short_tmp: Path) -> None:
    listen = free()
    async with sides(short_tmp) as (near, far), asyncio.timeout(60):
        await near.stop()
        lending = far.server._work._lending
        await far.does(f"lend {listen} --to {near.key}")
        async with App.connect(str(near.node.options.app_socket)) as app:
            assert (await asking(app, far, listen)).text == listen
            assert is_open(listen)
        await until(lambda: not lending.rows()[0]["held"])
        assert is_open(listen)
        async with App.connect(str(near.node.options.app_socket)) as app:
            assert (await asking(app, far, listen)).ok
            assert [row["held"] for row in lending.rows()] == [True]
            app.holding.write(GOODBYE)  # type: ignore[attr-defined]  # the test's own
            app.holding.close()  # type: ignore[attr-defined]  # as above
            await until(lambda: not is_open(listen))


async def test_a_peer_that_does_not_come_back_loses_it(short_tmp: Path) -> None:
    listen = free()
    async with sides(short_tmp) as (near, far), asyncio.timeout(60):
        await near.stop()
        far.server._work._lending._grace_s = 0.05
        await far.does(f"lend {listen} --to {near.key}")
        async with App.connect(str(near.node.options.app_socket)) as app:
            await asking(app, far, listen)
        await until(lambda: not is_open(listen))


async def test_a_port_that_somebody_has_is_not_lent(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), asyncio.timeout(60):
        await near.stop()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            await far.does(f"lend {listen} --to all")
            async with App.connect(str(near.node.options.app_socket)) as app:
                answer = await asking(app, far, listen)
    assert (answer.ok, answer.code) == (False, "port")
    assert "another program has it" in answer.text


@pytest.mark.parametrize("held", [True, False])
async def test_a_rule_that_is_removed_closes_what_it_lent(short_tmp: Path, held: bool) -> None:
    listen = free()
    async with sides(short_tmp) as (near, far), asyncio.timeout(60):
        await near.stop()
        row = await far.does(f"lend {listen} --to {near.key}")
        async with App.connect(str(near.node.options.app_socket)) as app:
            await asking(app, far, listen)
            if not held:
                app.close()
                await until(lambda: not far.server._work.lent()[0]["held"])
            await far.server.remove(row["id"])
            await until(lambda: not is_open(listen))
        assert far.server._work.lent() == []
