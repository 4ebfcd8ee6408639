from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from components.mesh import entry, keys
from components.mesh.doors import bind
from components.mesh.entry import VERSION, NodeEntry
from components.mesh.errors import TagError, Unreachable, WireError
from components.mesh.listener import listening
from components.node_manager.setup import directory as module
from components.node_manager.setup.directory import directories
from tests.support.mesh import ALICE, BOB

GOOD = entry.sign(
    NodeEntry(
        version=VERSION,
        sequence=1,
        timestamp=1,
        static=keys.hex66(BOB.public_key),
        addresses=("10.0.0.1:7777",),
    ),
    BOB,
)
AWAY = "http://127.0.0.1:1"


@asynccontextmanager
async def directory(body: bytes, status: int = 200) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == f"/messaging-discovery/entry/{GOOD.static}"
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get("/messaging-discovery/entry/{key}", answer)
    async with listening(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_an_entry_comes_from_the_first_directory_that_has_it() -> None:
    async with (
        directory(b"", 404) as empty,
        directory(msgspec.json.encode(GOOD)) as url,
        directories([AWAY, empty, f"{url}/"]) as find,
    ):
        assert await find(BOB.public_key) == GOOD


async def test_without_a_directory_nobody_is_known() -> None:
    async with directories([]) as find:
        with pytest.raises(Unreachable, match="no directory is configured"):
            await find(BOB.public_key)


async def test_an_answer_that_is_no_good_entry_is_refused() -> None:
    forged = msgspec.structs.replace(GOOD, addresses=("10.6.6.6:1",))
    for body, error in (
        (b"{}", WireError),
        (b" " * 100_000, WireError),
        (msgspec.json.encode(forged), TagError),
    ):
        async with directory(body) as url, directories([url]) as find:
            with pytest.raises(error):
                await find(BOB.public_key)


async def test_a_directory_that_is_away_or_knows_nothing_is_named() -> None:
    async with directories([AWAY]) as find:
        with pytest.raises(Unreachable, match=AWAY):
            await find(ALICE.public_key)
    async with directory(b"", 404) as url, directories([url]) as find:
        with pytest.raises(Unreachable, match="answers 404"):
            await find(BOB.public_key)


async def test_a_directory_that_is_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    with bind("127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with directories([url]) as find:
            with pytest.raises(Unreachable, match=url):
                await find(BOB.public_key)
