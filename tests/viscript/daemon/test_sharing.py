"""Which store the daemon holds, and what is told of its absence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.stores import PATIENCE_S
from viscript.config.model import Secret, SecretValue, Store
from viscript.daemon.sharing import share, shared_store
from viscript.events import EventLog
from viscript.statestore.access import Access
from viscript.statestore.errors import StoreAway
from viscript.statestore.sqlite import SqliteStore


async def nobody(url: str) -> str | None:
    return None


async def test_the_embedded_store_lies_in_the_home_and_waits_to_be_used(tmp_path: Path) -> None:
    events = EventLog("here")
    store = shared_store(Store(), home=tmp_path, folder=tmp_path, environ={}, events=events, plugin=nobody)
    assert store.name == f"sqlite {tmp_path}/store.db"
    assert not (tmp_path / "store.db").exists()
    assert await store.get("a") is None
    assert (tmp_path / "store.db").exists()
    await store.close()


async def test_absence_and_return_are_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened(url: str, access: Access) -> SqliteStore:
        store = SqliteStore(tmp_path / access.password)
        await store.open()
        return store

    monkeypatch.setitem(sys.modules, "a_plugin_of_this_test", SimpleNamespace(opened=opened))
    events = EventLog("here")
    settings = Store(url="odd://x", user="me", password=SecretValue(secret=Secret(file="later")))
    store = shared_store(settings, home=tmp_path, folder=tmp_path, environ={}, events=events, plugin=embedded)
    with pytest.raises(StoreAway, match="later"):  # its password cannot be read yet
        await store.get("a")
    (tmp_path / "later").write_text("secret")
    assert await store.get("a") is None
    away, back = events.last(2)
    assert (away.type, away.data["store"], away.data["tried"]) == ("store.away", "odd://x", [])
    assert "later" in away.reason
    assert (back.type, back.data["store"]) == ("store.back", "odd://x")
    await store.close()


async def embedded(url: str) -> str | None:
    return "a_plugin_of_this_test:opened"


async def test_the_store_is_closed_with_the_tasks_of_the_daemon(tmp_path: Path) -> None:
    class World:
        class home:  # noqa: N801 (as the world names it)
            root = str(tmp_path)

        class plugins:  # noqa: N801 (as above)
            state_store = staticmethod(nobody)

        events = EventLog("here")
        store = None

        def config(self) -> object:
            class Config:
                store = Store()

            return Config()

    world = World()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[None]] = []
        share(world, folder=tmp_path, environ={}, run=lambda work: running.append(tasks.create_task(work)))  # type: ignore[arg-type] # what it uses of a world
        await asyncio.sleep(0)
        await world.store.get("a")  # type: ignore[attr-defined] # it has one now
        running[0].cancel()
    with pytest.raises(StoreAway, match="was closed"):
        await world.store.get("a")  # type: ignore[attr-defined] # as above
