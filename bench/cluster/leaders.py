"""The engine's leader is killed again and again under load: what is lost, and for how long it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

from bench.cluster.part import Size
from bench.results import OURS, Sample
from tests.support.etcd import Etcd, etcd_cluster
from tests.support.store_load import WRITERS, Load, grows, write
from tests.support.stores import etcd_store
from viscript.statestore.etcd.store import EtcdStore

BETWEEN: Final = 200  # acknowledged writes between two kills
BACK_S: Final = 0.5  # that a killed leader is away


class Toll(NamedTuple):
    """What it cost."""

    acknowledged: int
    lost: int
    gap_s: float


def leader_kills(size: Size) -> Iterator[Sample]:
    """So many kills of one cluster of three."""
    with etcd_cluster() as etcd:
        toll = asyncio.run(_toll(etcd, size.kills))
    yield Sample("leader_acknowledged", size.kills, OURS, toll.acknowledged)
    yield Sample("leader_lost", size.kills, OURS, toll.lost)
    yield Sample("leader_gap_s", size.kills, OURS, toll.gap_s)


async def _toll(etcd: Etcd, kills: int) -> Toll:
    load = Load()
    async with etcd_store(etcd.url("/viscript/bench")) as store:
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(write(store, number, load)) for number in range(WRITERS)]
            for _ in range(kills):
                await grows(load, BETWEEN)
                await _kill(etcd)
            await grows(load, BETWEEN)
            for writer in writers:
                writer.cancel()
        return Toll(len(load.acknowledged), len(load.acknowledged - await _there(store)), load.longest_gap_s)


async def _kill(etcd: Etcd) -> None:
    leader = await asyncio.to_thread(etcd.leader)
    leader.kill()
    await asyncio.sleep(BACK_S)
    etcd.start(leader)
    await asyncio.to_thread(etcd.wait_healthy)


async def _there(store: EtcdStore) -> set[str]:
    return {item.key for item in (await store.range("step/", timeout=60)).items}
