"""Which store the daemon holds, and what is told of its absence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from signal_bus.ids import PublicKey
from tests.support.store_streams import End, FarHost, far_host, stream_pair
from tests.support.stores import PATIENCE_S, sqlite_store
from viscript.cluster.links.api import Caller, HostState, Reach
from viscript.config.model import Secret, SecretValue, Store
from viscript.daemon.sharing import far_opener, serving, share, shared_store
from viscript.events import EventLog
from viscript.statestore.access import Access
from viscript.statestore.api import Put
from viscript.statestore.errors import StoreAway
from viscript.statestore.far.wire import AskTxn, Messages, decode_answer, encode
from viscript.statestore.sqlite import SqliteStore
from viscript.verbs.table import Role


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
        links: Any = None

        def config(self) -> object:
            class Config:
                store = Store()

            return Config()

    world = World()
    world.links = links = Links()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[None]] = []
        share(world, folder=tmp_path, environ={}, run=lambda work: running.append(tasks.create_task(work)))  # type: ignore[arg-type] # what it uses of a world
        await asyncio.sleep(0)
        await world.store.get("a")  # type: ignore[attr-defined] # it has one now
        running[0].cancel()
    assert list(links.served) == ["store"]
    with pytest.raises(StoreAway, match="was closed"):
        await world.store.get("a")  # type: ignore[attr-defined] # as above


def host(label: str, key: int, *, local: bool = False) -> HostState:
    return HostState(label=label, key=PublicKey(bytes([key]) * 32), state=Reach.UP, local=local)


class Links:
    """Three hosts, and a store behind one of them."""

    def __init__(self, end: FarHost | None = None) -> None:
        self.end = end
        self.asked: list[bytes] = []
        self.served: dict[str, Any] = {}

    def hosts(self) -> list[HostState]:
        return [host("here", 1, local=True), host("b", 2), host("c", 3), host("c", 4)]

    async def open(self, key: PublicKey, kind: str, deadline: float) -> End:
        assert kind == "store"
        assert self.end is not None
        self.asked.append(bytes(key))
        return await self.end.open(deadline)

    def serve(self, kind: str, handler: Any) -> None:
        self.served[kind] = handler


async def test_the_store_of_another_host_is_reached_by_its_label_or_key(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as served, far_host(served) as (_, end):
        links = Links(end)
        for name in ("b", "02020202"):
            store = await far_opener(lambda: links)(name)  # type: ignore[arg-type, return-value] # as much as is used
            assert (await store.txn((), (Put(name, b""),))).ok
    assert set(links.asked) == {bytes([2]) * 32}


@pytest.mark.parametrize(
    "name, why",
    [
        ("d", "no host of the cluster"),
        ("0202020", "no host of the cluster"),
        ("c", "more than one host"),
        ("here", "this host itself"),
    ],
)
async def test_a_host_that_is_not_clear_is_said_so(name: str, why: str) -> None:
    store = await far_opener(lambda: Links())(name)  # type: ignore[arg-type, return-value] # as above
    with pytest.raises(StoreAway, match=why):
        await store.get("a", timeout=0.05)
    alone = await far_opener(lambda: None)(name)
    with pytest.raises(StoreAway, match="joined no cluster"):
        await alone.get("a", timeout=0.05)


async def test_the_embedded_store_is_served_to_the_others_by_their_roles(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        here, there = stream_pair()
        await here.write(encode(AskTxn(1.0, (), (Put("desired/a", b""),), ())))
        caller = Caller(key=PublicKey(bytes(32)), label="b", role=Role.VIEW)
        await serving(store)(there, caller)
        (raw,) = Messages().feed(await here.read())
    assert "may not write desired/a" in str(decode_answer(raw))
