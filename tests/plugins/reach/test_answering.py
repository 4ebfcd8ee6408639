"""Streams from other hosts: who is led, who is refused, and for how long."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import AppError
from plugins.reach import answering
from plugins.reach.places import Place
from tests.support.nodes import until
from tests.support.reaching import hosts, led, shouting, talk


async def test_a_stranger_and_a_wrong_place_are_refused(short_tmp: Path) -> None:
    async with hosts(short_tmp, 3) as (near, far, other), shouting(short_tmp / "s"):
        far.server.serve({"peers": Place(str(short_tmp / "s"), frozenset({near.key}))})
        async with talk(await led(other, far)) as stranger:
            assert await stranger.ended()
        async with talk(await led(near, far, "pairing")) as lost:
            assert await lost.ended()
        troubles = [(await host.server.status())["ways"][0]["trouble"] for host in (other, near)]
        assert "257" in troubles[0]
        assert troubles[1] == "pairing is not open to you there"
        assert (await far.server.status())["refused"] == 2


async def test_a_place_that_is_closed_ends_what_was_led_there(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far), shouting(short_tmp / "s"):
        place = {"peers": Place(str(short_tmp / "s"), frozenset({near.key}))}
        far.server.serve(place)
        async with talk(await led(near, far)) as line:
            assert await line.says(b"x") == b"X"
            far.server.serve(place)  # the same again ends nothing
            assert await line.says(b"y") == b"Y"
            far.server.serve({})
            assert await line.ended()


async def test_nobody_at_the_place_and_a_bad_request_are_said(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far):
        far.server.serve({"peers": Place(str(short_tmp / "none"))})
        async with talk(await led(near, far)) as line:
            assert await line.ended()
        assert (await near.server.status())["ways"][0]["trouble"] == "nobody answers at peers there"
        app = await near.server._visor.app()
        async with await app.dial(far.key, 50) as stream:
            stream.write(b"dance\n")
            with pytest.raises(AppError, match="258"):
                await stream.read()


async def test_one_visor_cannot_take_all_there_is(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far), shouting(short_tmp / "s"):
        far.server.serve({"peers": Place(str(short_tmp / "s"))})
        path = await led(near, far)
        app = await near.server._visor.app()
        held = [await app.dial(far.key, 50) for _ in range(16)]
        await until(lambda: far.server._answering._busy[near.key] == 16)
        async with talk(path) as line:
            assert await line.ended()
        held[0].close()
        await until(lambda: far.server._answering._busy[near.key] == 15)
        async with talk(path) as line:
            assert await line.says(b"room") == b"ROOM"
        for stream in held:
            stream.close()


async def test_strangers_that_say_nothing_make_room_for_the_next(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_STRANGERS", 2)
    async with hosts(short_tmp, 3) as (near, far, other), shouting(short_tmp / "s"):
        far.server.serve({"pairing": Place(str(short_tmp / "s"))})
        app = await near.server._visor.app()
        silent = [await app.dial(far.key, 50) for _ in range(2)]
        await until(lambda: far.server._answering._busy[near.key] == 2)
        async with talk(await led(other, far, "pairing")) as line:
            assert await line.says(b"room") == b"ROOM"
        await until(lambda: far.server._answering._busy[near.key] == 1)
        assert (await far.server.status())["refused"] == 1
        for stream in silent:
            stream.close()


async def test_a_place_is_told_who_comes_if_it_wants_to_know(short_tmp: Path) -> None:
    came: asyncio.Queue[bytes] = asyncio.Queue(8)

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await came.put(await reader.readexactly(32))
        await came.put(await reader.readline())
        writer.close()

    server = await asyncio.start_unix_server(hear, short_tmp / "s")
    async with server, hosts(short_tmp) as (near, far):
        far.server.serve({"pairing": Place(str(short_tmp / "s"), told=True)})
        async with talk(await led(near, far, "pairing")) as line:
            assert await line.says(b"hello") == b""
            async with asyncio.timeout(30):
                assert (await came.get(), await came.get()) == (bytes.fromhex(near.key), b"hello\n")
