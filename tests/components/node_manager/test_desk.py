"""The desk: nothing holds that is not on the disk, one change at a time, what is over goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from components.mesh.httpsign import Signed
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits, nonces
from components.node_manager.desk import Clock, Desk
from components.node_manager.discovery import nodes, transports
from components.node_manager.ledger import Change, Ledger
from components.node_manager.plan import News, Plan
from components.node_manager.store import Store, StoreError
from tests.support.manager import START, link, node, person

ONE, TWO = person(1), person(2)
LINK = link(ONE, TWO)


class SlowStore(Store):
    """Waits for `go` before each commit, and fails while `fault` is set."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.go = asyncio.Event()
        self.go.set()
        self.entered = asyncio.Event()
        self.fault = ""

    async def commit(self, changes: Sequence[Change]) -> None:
        self.entered.set()
        await self.go.wait()
        if self.fault:
            raise StoreError(self.fault)
        await super().commit(changes)


class Office:
    """A desk, its store, its clock and what it told."""

    def __init__(self, path: Path | None = None) -> None:
        self.now = START
        self.news: list[News] = []
        self.store = SlowStore(path)
        self.desk = Desk(self.store, lambda: self.now, self.news.append)

    async def register(self) -> object:
        nonce = nonces.expected(self.desk.ledger, hex66(ONE.public_key))
        return await self.desk.change(
            lambda book, now: transports.register(book, now, ONE.public_key, [LINK]),
            Signed(ONE.public_key, nonce),
        )


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    await made.desk.open()
    yield made
    await made.desk.close()


async def test_a_change_holds_once_it_is_stored_and_is_told(office: Office) -> None:
    office.store.go.clear()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(office.register())
        office.store.entered.clear()
        await office.store.entered.wait()
        assert not office.desk.ledger.transports
        assert not office.news
        office.store.go.set()
        await waiting
    assert list(office.desk.ledger.transports) == [LINK.entry.t_id]
    assert [(each.topic, each.data["what"]) for each in office.news] == [("mesh.transport", "registered")]


async def test_a_full_disk_changes_nothing_and_the_next_change_is_taken(office: Office) -> None:
    office.store.fault = "disk is full"
    with pytest.raises(Refusal, match="nothing was changed, it cannot be stored: disk is full") as caught:
        await office.register()
    assert caught.value.status == 503
    assert not office.desk.ledger.transports
    office.store.fault = ""
    await office.register()
    assert office.desk.ledger.transports


async def test_of_two_with_the_same_number_one_is_carried_out(office: Office) -> None:
    done = await asyncio.gather(office.register(), office.register(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["OutOfStep", "tuple"]


async def test_a_refused_change_does_not_use_its_number(office: Office) -> None:
    due = nonces.expected(office.desk.ledger, hex66(ONE.public_key))

    def refuse(book: Ledger, now: float) -> Plan[None]:
        raise Refusal(404, "x", "no")

    with pytest.raises(Refusal, match="no"):
        await office.desk.change(refuse, Signed(ONE.public_key, due))
    assert nonces.expected(office.desk.ledger, hex66(ONE.public_key)) == due


async def test_who_waits_too_long_for_a_slow_disk_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAIT_S", 0.01)
    monkeypatch.setattr(limits, "MOST_WAITING", 1)
    office.store.go.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(office.register())
        office.store.entered.clear()
        await office.store.entered.wait()
        second, third = await asyncio.gather(office.register(), office.register(), return_exceptions=True)
        assert "too slow" in str(second)
        assert "too many changes" in str(third)
        office.store.go.set()
        await first


async def test_what_is_over_is_swept_and_told(office: Office) -> None:
    await office.register()
    office.now += limits.LEASE_S + 1
    await office.desk.sweep()
    assert not office.desk.ledger.transports
    assert office.news[-1].data == {"what": "expired", "id": LINK.entry.t_id}
    due = nonces.expected(office.desk.ledger, hex66(ONE.public_key))
    office.now += limits.REMEMBER_S + 1
    await office.desk.sweep()
    assert list(office.desk.ledger.nonces) == [nonces.FLOOR]
    assert nonces.expected(office.desk.ledger, hex66(ONE.public_key)) == due


async def test_sweeping_goes_on_after_a_full_disk(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "SWEEP_S", 0.001)
    await office.register()
    office.now += limits.LEASE_S + 1
    office.store.fault = "full"
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        sweeping = tasks.create_task(office.desk.sweep_forever())
        while "stays in the store: full" not in caplog.text:
            await asyncio.sleep(0.001)
        office.store.fault = ""
        while office.desk.ledger.transports:
            await asyncio.sleep(0.001)
        sweeping.cancel()


async def test_a_restart_keeps_everything_and_bounds_what_a_wrong_clock_wrote(tmp_path: Path) -> None:
    first = Office(tmp_path / "m.db")
    first.now += 9 * limits.REMEMBER_S
    await first.desk.open()
    await first.register()
    await first.desk.change(lambda book, now: nodes.enter(book, now, node(ONE)))
    due = nonces.expected(first.desk.ledger, hex66(ONE.public_key))
    await first.desk.close()
    second = Office(tmp_path / "m.db")
    await second.desk.open()
    book = second.desk.ledger
    assert nonces.expected(book, hex66(ONE.public_key)) == due
    assert book.transports[LINK.entry.t_id].ends == START + limits.LONGEST_LEASE_S
    assert book.nodes[hex66(ONE.public_key)].live_until == START + limits.LONGEST_LEASE_S
    await second.desk.close()


def test_the_clock_does_not_jump_when_somebody_sets_it() -> None:
    walls = iter([START])
    clock = Clock(lambda: next(walls))
    first = clock()
    assert START - 1 < first <= clock() < START + 60
