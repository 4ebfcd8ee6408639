"""What a leader writes; elections are tried in test_side.py."""

import asyncio
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from tests.support.stores import sqlite_store
from viscript.cluster.desired.keys import Assignment, unpack
from viscript.cluster.desired.leader import AWAIT_S, STILL_S, TTL_S, Leader, difference
from viscript.cluster.desired.mirror import Mirror
from viscript.keeper.fence import LEASE_S
from viscript.statestore.api import Delete, Put
from viscript.statestore.errors import LeaseGone
from viscript.statestore.sqlite import SqliteStore

A, B = b"a" * 32, b"b" * 32


def test_only_what_changed_is_written() -> None:
    before = {("web", 1): A, ("web", 2): A, ("web", 3): A}
    changes = list(difference(before, {("web", 1): A, ("web", 2): B, ("web", 4): B}))
    assert [one.key for one in changes] == ["assign/web/2", "assign/web/3", "assign/web/4"]
    assert isinstance(changes[1], Delete)
    for one in (changes[0], changes[2]):
        assert isinstance(one, Put)
        value = unpack(one.value, Assignment)
        assert value is not None
        assert value.host == B
        assert one.lease == 0, "it outlives the leader"


def test_an_equal_plan_writes_nothing() -> None:
    assert list(difference({("web", 1): A}, {("web", 1): A})) == []


@pytest.mark.parametrize("shorter,longer", [(STILL_S, TTL_S), (TTL_S, LEASE_S), (TTL_S + AWAIT_S, 20.0)])
def test_the_spans_of_time_fit_together(shorter: float, longer: float) -> None:
    assert shorter < longer


class Ending(Leader):
    """Its term ends at once; what belongs to it takes a moment to go."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(
            store, PublicKey(A), Mirror(store, lambda: None, changed=lambda: None), hosts=lambda: ()
        )
        self.ending = asyncio.Event()
        self.gone = asyncio.Event()

    async def _stay(self, lease: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.gone.wait()

    async def _plan_on(self) -> None:
        await asyncio.sleep(0)
        raise LeaseGone(0)


async def test_who_is_told_to_end_while_its_term_ends_does(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, asyncio.timeout(20):
        leader = Ending(store)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(leader.run())
            await leader.ending.wait()
            task.cancel()
            await asyncio.sleep(0)
            leader.gone.set()
        assert task.cancelled()
