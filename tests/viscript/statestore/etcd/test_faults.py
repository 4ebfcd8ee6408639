"""Members killed, frozen and brought back under load: what was acknowledged is there, once.

The writers count the changes of the store: each adds one to a number of his own by comparison, and makes a
key for each step. So a write that was lost, or done twice, shows in both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.support.etcd import Etcd, etcd_cluster
from tests.support.store_load import grows, under_load
from tests.support.stores import etcd_store
from viscript.statestore.api import Put
from viscript.statestore.derived import Writes
from viscript.statestore.errors import StoreAway, Unclear

GAP_S = 20.0  # the machine may be busy; what is measured alone stands in the guide
Harm = Callable[[Etcd], Awaitable[None]]


@pytest.fixture(scope="module")
def ill() -> Iterator[Etcd]:
    """Three members that are harmed here, and are well again behind each test."""
    with etcd_cluster() as cluster:
        yield cluster


async def kill_the_leader(etcd: Etcd) -> None:
    leader = await asyncio.to_thread(etcd.leader)
    leader.kill()
    await asyncio.sleep(0.5)
    etcd.start(leader)


async def kill_a_follower(etcd: Etcd) -> None:
    leader = await asyncio.to_thread(etcd.leader)
    follower = next(one for one in etcd.members if one is not leader)
    follower.kill()
    await asyncio.sleep(0.5)
    etcd.start(follower)


async def freeze_the_leader(etcd: Etcd) -> None:
    leader = await asyncio.to_thread(etcd.leader)
    leader.freeze()
    try:
        await asyncio.sleep(4.0)
    finally:
        leader.thaw()


@pytest.mark.parametrize("harm", [kill_the_leader, kill_a_follower, freeze_the_leader])
async def test_nothing_acknowledged_is_lost_or_done_twice(ill: Etcd, harm: Harm) -> None:
    async with under_load(ill, f"/t/{harm.__name__}") as (_, load, _reflector):
        await grows(load)
        await harm(ill)
        await grows(load)
    await asyncio.to_thread(ill.wait_healthy)
    assert load.longest_gap_s < GAP_S


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_leaders_are_killed_and_nothing_is_lost(ill: Etcd) -> None:
    async with under_load(ill, "/t/ten") as (_, load, _reflector):
        for _ in range(10):
            await grows(load, 200)
            await kill_the_leader(ill)
            await asyncio.to_thread(ill.wait_healthy)
        await grows(load, 200)
    print(
        f"acknowledged {len(load.acknowledged)}, unclear {len(load.unclear)}, "
        f"longest gap {load.longest_gap_s:.2f} s"
    )
    assert load.longest_gap_s < GAP_S


async def test_without_a_majority_reads_and_writes_say_so_within_their_time(ill: Etcd) -> None:
    async with etcd_store(ill.url("/t/minority")) as store:
        await store.txn((), (Put("a", b"1"),))
        two = ill.members[:2]
        for member in two:
            member.freeze()
        try:
            begun = time.monotonic()
            with pytest.raises(StoreAway):
                await store.get("a", timeout=2.0)
            with pytest.raises((StoreAway, Unclear)):
                await Writes(store).put("a", b"2", timeout=2.0)
            assert time.monotonic() - begun < 15
            standing = await store.look(timeout=1.0)
            assert not standing.ok
            assert sum(member.ok for member in standing.members) <= 1
        finally:
            for member in two:
                member.thaw()
        await asyncio.to_thread(ill.wait_healthy)
        assert await Writes(store).put("a", b"3", timeout=30)


async def test_a_frozen_member_costs_one_call_a_share_of_its_time_and_later_ones_nothing(ill: Etcd) -> None:
    async with etcd_store(ill.url("/t/frozen")) as store:
        leader = await asyncio.to_thread(ill.leader)
        follower = next(one for one in ill.members if one is not leader)
        store._members.good(follower.address, time.monotonic())  # asked first from now on
        follower.freeze()
        try:
            assert await store.get("a", timeout=6.0) is None
            begun = time.monotonic()
            for _ in range(10):
                await store.get("a", timeout=6.0)
            assert time.monotonic() - begun < 6.0  # asked first each time, it would cost 20
        finally:
            follower.thaw()
        await asyncio.to_thread(ill.wait_healthy)
