"""Telling the head of an audit to other hosts, which keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from tests.support.audits import HOST, said
from tests.support.store_streams import End, stream_pair
from viscript.cluster.audit import telling
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.keeping import Keeper
from viscript.cluster.audit.telling import FANOUT, Telling, chosen
from viscript.cluster.links.api import Caller, HostAway, HostState, Reach
from viscript.store.memory import Memory
from viscript.store.writer import StoreError
from viscript.verbs.table import Role

CALLER = Caller(key=HOST.public_key, label="alpha", role=Role.VIEW)


def state(number: int, reach: Reach = Reach.UP, *, local: bool = False) -> HostState:
    key = PublicKey(bytes([number]) * 32)
    return HostState(label=f"h{number}", key=key, state=reach, local=local)


class Links:
    """Other hosts, each with a memory for heads; `serve` may be replaced."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup, count: int = 2) -> None:
        self.states = [state(0, local=True), *(state(n) for n in range(1, count + 1))]
        self.memories = {one.key: Memory(folder / f"{one.label}.db") for one in self.states[1:]}
        self.opened: list[str] = []
        self.away: set[PublicKey] = set()
        self.serve: Callable[[End, PublicKey], Awaitable[None]] = self._serve
        self._tasks = tasks

    def hosts(self) -> list[HostState]:
        return self.states

    async def open(self, key: PublicKey, kind: str, deadline: float) -> End:
        assert kind == "audit"
        if key in self.away:
            raise HostAway("h", key, "it is down")
        self.opened.append(f"h{key[0]}")
        here, there = stream_pair(7)
        self._tasks.create_task(self._carry(there, key))
        return here

    async def _serve(self, end: End, key: PublicKey) -> None:
        await Keeper(self.memories[key]).serve(end, CALLER)

    async def _carry(self, end: End, key: PublicKey) -> None:
        await self.serve(end, key)
        await end.close()


class Bench:
    """A host that tells, those it tells, and what was said to be broken."""

    def __init__(self, memory: Memory, links: Links) -> None:
        self.memory = memory
        self.links = links
        self.audit = Audit(memory, HOST)
        self.broken: list[tuple[str, str]] = []
        self.telling = self.made()

    def made(self) -> Telling:
        return Telling(
            self.audit,
            HOST,
            lambda: self.links,  # type: ignore[arg-type,return-value] # as much as is asked for
            broken=lambda *what: self.broken.append(what),
        )

    def chosen(self) -> list[HostState]:
        return chosen(HOST.public_key, self.links.states)

    async def write(self, count: int = 1) -> None:
        for _ in range(count):
            await self.audit.asked(said(1))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    memory = Memory(tmp_path / "own.db")
    memory.open()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        links = Links(tmp_path, tasks)
        for other in links.memories.values():
            other.open()
        yield Bench(memory, links)
    for one in (memory, *links.memories.values()):
        one.close()


async def numbers(bench: Bench) -> dict[str, int]:
    return {label: head.number for label, head in await bench.telling.heads() if head is not None}


async def test_each_host_is_told_what_is_new_once(bench: Bench) -> None:
    assert await numbers(bench) == {}
    await bench.write(3)
    await bench.telling.tell()
    assert await numbers(bench) == {"h1": 3, "h2": 3}
    bench.links.opened.clear()
    await bench.telling.tell()
    assert bench.links.opened == []
    await bench.write()
    await bench.telling.tell()
    assert await numbers(bench) == {"h1": 4, "h2": 4}


async def test_a_host_that_was_away_is_told_when_it_is_back(bench: Bench) -> None:
    bench.links.away = {bench.links.states[2].key}
    await bench.write(3)
    await bench.telling.tell()
    assert await bench.telling.heads() == [
        (label, head) for label, head in await bench.telling.heads() if head
    ]
    assert await numbers(bench) == {"h1": 3}
    bench.links.away = set()
    await bench.telling.tell()
    assert await numbers(bench) == {"h1": 3, "h2": 3}


async def test_an_old_database_is_noticed_and_what_others_keep_stays(bench: Bench) -> None:
    await bench.write(6)
    await bench.telling.tell()
    await bench.memory.run(lambda db: db.execute("DELETE FROM audit WHERE number > 2"))
    for _ in range(2):
        await bench.telling.tell()
        await bench.write()
    assert {label for label, _ in bench.broken} == {"h1", "h2"}
    assert len(bench.broken) == 2, "said once"
    assert "has entries up to 6, this home up to 3" in bench.broken[0][1]
    await bench.write(9)
    again = bench.made()  # the next daemon
    await again.tell()
    assert "entry 6: it is another one than" in bench.broken[-1][1]
    assert await numbers(bench) == {"h1": 6, "h2": 6}


async def test_an_empty_database_is_noticed_too(bench: Bench) -> None:
    await bench.write(2)
    await bench.telling.tell()
    await bench.memory.run(lambda db: db.execute("DELETE FROM audit"))
    await bench.made().tell()
    assert "up to 2, this home up to 0" in bench.broken[0][1]


async def test_with_nothing_written_nothing_is_told(bench: Bench) -> None:
    await bench.telling.tell()
    assert await bench.telling.heads() == [(one.label, None) for one in bench.chosen()]
    assert not bench.broken


async def test_answers_that_are_none_are_passed_over(bench: Bench) -> None:
    async def nonsense(end: End, key: PublicKey) -> None:
        await end.write([b"", b"\x05abc", b"\x05abcde"][key[0]])
        end.end()

    bench.links.serve = nonsense
    await bench.write()
    await bench.telling.tell()
    assert await bench.telling.heads() == []


async def test_without_a_cluster_nobody_is_asked(bench: Bench) -> None:
    alone = Telling(bench.audit, HOST, lambda: None)
    await bench.write()
    await alone.tell()
    assert await alone.heads() == []


async def test_a_fault_of_ours_is_not_taken_for_a_host_that_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    await bench.write()
    await bench.telling.tell()
    monkeypatch.setattr(telling, "read_head", broken)
    with pytest.raises(ZeroDivisionError):
        await bench.telling.heads()


async def test_it_goes_on_when_the_disk_does_not_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.01)
    ends, tell = iter([StoreError("full"), None, None]), bench.telling.tell

    async def told() -> None:
        if (fault := next(ends, None)) is not None:
            raise fault
        await tell()
        done.set()

    done = asyncio.Event()
    monkeypatch.setattr(bench.telling, "tell", told)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bench.telling.run())
        await done.wait()
        running.cancel()


def test_a_few_hosts_are_told_and_always_the_same() -> None:
    me, hosts = HOST.public_key, [state(n) for n in range(1, 40)]
    few = chosen(me, hosts)
    assert len(few) == FANOUT
    assert chosen(me, hosts[::-1]) == few
    without = chosen(me, [one for one in hosts if one is not few[0]])
    assert without[: FANOUT - 1] == few[1:]
    assert chosen(me, [state(1, Reach.DOWN), state(2, Reach.SUSPECT), state(3, local=True)]) == []
