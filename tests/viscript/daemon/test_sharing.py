"""Which store the daemon holds, and what is told of its absence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from signal_bus.ids import PublicKey
from tests.support.store_streams import End, FarHost, far_host, stream_pair
from tests.support.stores import PATIENCE_S, sqlite_store
from viscript.cluster.links.api import Caller, Handler, HostState, Reach
from viscript.config.loader import defaults
from viscript.config.model import Secret, SecretValue, Store
from viscript.daemon.sharing import far_opener, serving, share, shared_store
from viscript.daemon.world import World
from viscript.events import EventLog
from viscript.home import Home
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


def host(label: str, key: int, *, local: bool = False) -> HostState:
    return HostState(label=label, key=PublicKey(bytes([key]) * 32), state=Reach.UP, local=local)


class Links:
    """Four hosts, and a store behind all others."""

    def __init__(self, end: FarHost | None = None) -> None:
        self.end = end
        self.asked: list[bytes] = []

    def hosts(self) -> list[HostState]:
        return [host("here", 1, local=True), host("b", 2), host("c", 3), host("c", 4)]

    async def open(self, key: PublicKey, kind: str, deadline: float) -> End:
        assert kind == "store"
        assert self.end is not None
        self.asked.append(bytes(key))
        return await self.end.open(deadline)


def world_at(home: Path, url: str = "sqlite://", links: Links | None = None) -> World:
    """A world as far as a store needs one: this host is `here`, and its key is all 01."""

    async def nothing(_: bool) -> None:
        return

    class Facts:
        public_key = "01" * 32

    made = World(
        home=Home(str(home), str(home), str(home)),
        loaded=defaults({}, {"store": url}),
        facts_of=Facts,  # type: ignore[arg-type] # as much of them as is used
        supervisor=None,
        usage=None,
        events=EventLog("here"),
        table=None,
        plugins=SimpleNamespace(state_store=nobody),
        stop=nothing,
        known_apps=lambda _: (),
    )
    made.book = SimpleNamespace(me=SimpleNamespace(label="here"))
    made.links = links
    return made


async def test_the_store_is_closed_with_the_tasks_of_the_daemon(tmp_path: Path) -> None:
    world = world_at(tmp_path)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[None]] = []
        share(world, folder=tmp_path, environ={}, run=lambda work: running.append(tasks.create_task(work)))
        await asyncio.sleep(0)
        await world.store.get("a")
        running[0].cancel()
    with pytest.raises(StoreAway, match="was closed"):
        await world.store.get("a")


async def test_the_store_of_another_host_is_reached_by_its_label_or_key(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as served, far_host(served) as (_, end):
        links = Links(end)
        for name in ("b", "02020202"):
            store = await far_opener(world_at(tmp_path, links=links))(name)
            assert (await store.txn((), (Put(name, b""),))).ok
    assert set(links.asked) == {bytes([2]) * 32}


@pytest.mark.parametrize("name", ["here", "01010101"])
async def test_the_store_of_this_host_itself_is_the_embedded_one_for_all(tmp_path: Path, name: str) -> None:
    store = await far_opener(world_at(tmp_path, links=Links()))(name)
    assert store.capabilities().several_hosts
    assert (tmp_path / "store.db").exists()
    await store.close()


@pytest.mark.parametrize(
    "name, why",
    [
        ("d", "no host of the cluster"),
        ("hera", r"did you mean here\?"),
        ("0202020", "no host of the cluster"),
        ("c", "more than one host"),
    ],
)
async def test_a_host_that_is_not_clear_is_said_so(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(StoreAway, match=why):
        await far_opener(world_at(tmp_path, links=Links()))(name)
    with pytest.raises(StoreAway, match="joined no cluster"):
        await far_opener(world_at(tmp_path))(name)


async def test_a_host_that_left_the_cluster_reaches_no_store(tmp_path: Path) -> None:
    world = world_at(tmp_path, links=Links())
    store = await far_opener(world)("b")
    world.links = None
    with pytest.raises(StoreAway, match="left the cluster"):
        await store.get("a", timeout=0.05)


ORDER = Put("desired/a", b"")


async def asked_by_a_viewer(
    world: World,
    write: Put = ORDER,
    handler: Handler | None = None,
) -> str:
    here, there = stream_pair()
    await here.write(encode(AskTxn(1.0, (), (write,), ())))
    await (handler or serving(world))(there, Caller(key=PublicKey(bytes(32)), label="b", role=Role.VIEW))
    (raw,) = Messages().feed(await here.read())
    return str(decode_answer(raw))


async def test_the_embedded_store_is_served_to_the_others_by_their_roles(tmp_path: Path) -> None:
    world = world_at(tmp_path, "host://here")
    share(world, folder=tmp_path, environ={}, run=lambda work: work.close())
    assert "may not write desired/a" in await asked_by_a_viewer(world)
    await world.store.close()
    assert "was closed" in await asked_by_a_viewer(world)


async def test_what_a_host_may_write_is_counted_over_all_its_streams(tmp_path: Path) -> None:
    world, answers = world_at(tmp_path, "host://here"), list[str]()
    share(world, folder=tmp_path, environ={}, run=lambda work: work.close())
    handler = serving(world)
    while len(answers) < 1000 and not any("16 KiB a second on average" in answer for answer in answers):
        copy = Put(f"audit/{bytes(32).hex()}/{len(answers):026}", bytes(60_000))
        answers.append(await asked_by_a_viewer(world, copy, handler))
    await world.store.close()
    assert "Done" in answers[0]
    assert 50 < len(answers) < 1000


async def test_a_store_that_was_anothers_when_the_daemon_began_is_not_served(tmp_path: Path) -> None:
    world = world_at(tmp_path, "host://b", links=Links())
    share(world, folder=tmp_path, environ={}, run=lambda work: work.close())
    world.book = SimpleNamespace(me=SimpleNamespace(label="b"))
    async with sqlite_store(tmp_path) as served, far_host(served) as (far, _):
        world.store._store = far
        assert "start it anew" in await asked_by_a_viewer(world)


@pytest.mark.parametrize("url", ["sqlite://", "host://b", "etcd://a"])
async def test_a_store_that_is_not_meant_for_others_is_not_served(tmp_path: Path, url: str) -> None:
    assert "keeps its store to itself" in await asked_by_a_viewer(world_at(tmp_path, url))
