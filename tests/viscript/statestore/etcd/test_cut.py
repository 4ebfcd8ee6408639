"""Members cut from one another, and from us, under load; nobody is told by a reset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.etcd_hosts import EtcdHosts, etcd_hosts
from tests.support.store_load import Load, grows, under_load
from viscript.statestore.reflector import Reflector


@pytest.fixture
def hosts() -> Iterator[EtcdHosts]:
    with etcd_hosts() as made:
        yield made


async def told_of_all(reflector: Reflector, load: Load) -> None:
    """Until the follower knows what is acknowledged now."""
    wanted = set(load.acknowledged)
    async with asyncio.timeout(60):
        while not wanted <= reflector.items.keys():
            await asyncio.sleep(0.05)


async def test_a_leader_cut_from_the_others_is_left_by_writers_and_watchers(hosts: EtcdHosts) -> None:
    leader = hosts.etcd.leader()
    async with under_load(hosts.etcd, "/t/leader") as (store, load, reflector):
        await grows(load)
        hosts.cut_from_the_others(leader)
        await grows(load, 60)
        await told_of_all(reflector, load)  # while it is still cut
        async with asyncio.timeout(60):  # it takes itself for the leader for a moment yet
            while {one.name: one.ok for one in (await store.look(timeout=2.0)).members}[leader.address]:
                await asyncio.sleep(0.1)
        assert (await store.look(timeout=2.0)).ok
        hosts.mend()
        await grows(load)


async def test_a_member_we_are_cut_from_is_left_by_writers_and_watchers(hosts: EtcdHosts) -> None:
    async with under_load(hosts.etcd, "/t/member") as (store, load, reflector):
        await grows(load)
        preferred = store._members.order(0.0)[0]
        hosts.cut_from_the_client(next(one for one in hosts.etcd.members if one.address == preferred))
        await grows(load, 60)
        await told_of_all(reflector, load)
        hosts.mend()
        await grows(load)
