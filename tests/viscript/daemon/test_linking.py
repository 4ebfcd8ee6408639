from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from signal_bus.identity import Identity, draw
from signal_bus.testing import until
from tests.support.fake_world import FakeWorld
from tests.support.rosters import host, vouched
from viscript.cluster.book import Book
from viscript.cluster.links.api import Caller, HostState, Reach, Stream
from viscript.config.model import Cluster
from viscript.daemon import linking
from viscript.daemon.linking import Linking
from viscript.daemon.tasks import Tasks
from viscript.events import EventLog
from viscript.home import Home
from viscript.states import State
from viscript.store.memory import Memory

CLUSTER, B = host(0), host(2)


class Linked:
    """One home whose links may begin."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.memory = Memory(folder / "s.db")
        self.memory.open()
        self.book = Book(self.memory, Identity(draw()), folder / "cluster.key")
        self.events = EventLog("here")
        self.world = FakeWorld()
        self.world.home = Home(str(folder), str(folder), str(folder))  # type: ignore[attr-defined]  # as the daemon's
        self.states = [State.READY, State.RUNNING, State.BACKOFF]
        self.linking = Linking(
            self.world,  # type: ignore[arg-type]  # enough of it
            self.book,
            memory=self.memory,
            events=self.events,
            tasks=tasks,
            states=lambda: self.states,
            config=Cluster(listen=("tcp://127.0.0.1:*",), labels={"role": "edge"}),
        )

    async def join(self) -> None:
        await self.book.pin(CLUSTER.public_key, [vouched(self.book.identity, CLUSTER, label="here")])

    def told(self) -> list[tuple[str, str]]:
        return [(event.type, event.object) for event in self.events.since(1)]


@pytest.fixture
async def home(short_tmp: Path) -> AsyncIterator[Linked]:
    async with Tasks() as tasks:
        made = Linked(short_tmp, tasks)
        yield made
        made.linking.close()
    made.memory.close()


async def test_a_home_without_a_cluster_has_no_links(home: Linked, short_tmp: Path) -> None:
    home.linking.begin()
    assert home.world.links is None
    assert not (short_tmp / "peers.ipc").exists()


async def test_links_begin_with_the_first_roster_and_end_with_it(home: Linked, short_tmp: Path) -> None:
    home.linking.begin()
    await home.join()
    await until(lambda: (short_tmp / "peers.ipc").exists())
    (row,) = home.world.links.hosts()
    assert (row.label, row.apps_up, row.apps_total) == ("here", 2, 3)
    await until(lambda: home.book.me and home.book.me.addresses)
    assert home.book.me is not None
    assert home.book.me.labels == {"role": "edge"}
    await home.book.leave()
    assert home.world.links is None
    await until(lambda: not (short_tmp / "peers.ipc").exists())


async def test_a_roster_that_was_kept_is_enough(home: Linked) -> None:
    await home.join()
    home.linking.begin()
    assert home.world.links is home.linking.links()


async def test_links_that_fail_begin_anew_and_end_no_daemon(
    home: Linked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(linking, "ANEW_S", 0.01)
    links, faults = home.linking.links(), [LookupError("a bug")]

    def faulty(now: float) -> None:
        if faults:
            raise faults.pop()

    monkeypatch.setattr(links._board, "tidy", faulty)
    home.linking.begin()
    await home.join()
    await until(lambda: "they begin anew" in caplog.text)
    await until(lambda: links._open and home.book.me and home.book.me.addresses)


async def test_what_is_served_may_be_said_before_and_after(home: Linked) -> None:
    async def nothing(stream: Stream, caller: Caller) -> None:
        raise AssertionError("nobody opens one here")

    home.linking.serve("store", nothing)
    links = home.linking.links()
    home.linking.serve("news", nothing)
    assert set(links._serving._handlers) == {"store", "news"}


async def test_a_host_seen_otherwise_is_an_event_and_its_first_sight_is_not(home: Linked) -> None:
    row = HostState(label="beta", key=B.public_key, state=Reach.SUSPECT)
    for state in (Reach.SUSPECT, Reach.UP, Reach.UP, Reach.SUSPECT, Reach.DOWN, Reach.PAUSED):
        home.linking._tell(replace(row, state=state, age_seconds=1.0))
    assert home.told() == [
        ("host.up", "host/beta"),
        ("host.suspect", "host/beta"),
        ("host.down", "host/beta"),
        ("host.paused", "host/beta"),
    ]
    assert home.events.since(1)[0].data["public_key"] == B.name
