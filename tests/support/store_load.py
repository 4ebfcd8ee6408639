"""Writers that count on a store, so that a write that was lost, or done twice, shows.

Each adds one to a number of his own by comparison, and makes a key for each step.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.etcd import Etcd
from tests.support.stores import etcd_store
from viscript.statestore.api import Item, Put, unchanged
from viscript.statestore.derived import Writes
from viscript.statestore.errors import StoreAway, Unclear
from viscript.statestore.etcd.store import EtcdStore
from viscript.statestore.reflector import Reflector

WRITERS = 4


@dataclass
class Load:
    """What the writers know to be done, and the longest time without any acknowledgement."""

    acknowledged: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)
    longest_gap_s: float = 0.0
    last: float = field(default_factory=time.monotonic)

    def done(self, key: str) -> None:
        self.acknowledged.add(key)
        now = time.monotonic()
        self.longest_gap_s = max(self.longest_gap_s, now - self.last)
        self.last = now


async def write(store: EtcdStore, number: int, load: Load) -> None:
    """Count, one step after the other, for ever."""
    writes, own, step = Writes(store), f"count/{number}", 0
    await writes.create(own, b"0", timeout=60)
    while True:
        step += 1
        key = f"step/{number}/{step:05}"
        while True:
            old = await patient(lambda: store.get(own, timeout=5))
            assert old is not None
            if int(old.value) >= step:  # an earlier try was done after all
                break
            then = (Put(own, b"%d" % step), Put(key, b""))
            try:
                done = await writes.txn((unchanged(own, old),), then, timeout=5)
            except (Unclear, StoreAway):
                load.unclear.add(key)
                continue
            assert done.ok, "nobody else counts here"
            break
        load.done(key)


async def patient(ask: Callable[[], Awaitable[Item | None]]) -> Item | None:
    """Asked again while the engine is away."""
    while True:
        with contextlib.suppress(StoreAway):
            return await ask()


@contextlib.asynccontextmanager
async def under_load(etcd: Etcd, prefix: str) -> AsyncIterator[tuple[EtcdStore, Load, Reflector]]:
    """Writers at work, and one who follows."""
    load = Load()
    async with etcd_store(etcd.url(prefix)) as store, asyncio.TaskGroup() as tasks:
        reflector = Reflector(store, "step/")
        running = [tasks.create_task(reflector.run())]
        running += [tasks.create_task(write(store, number, load)) for number in range(WRITERS)]
        try:
            yield store, load, reflector
        finally:
            for task in running[1:]:
                task.cancel()
            await asyncio.wait(running[1:])
            try:
                await compare(store, load, reflector)
            finally:
                running[0].cancel()


async def compare(store: EtcdStore, load: Load, reflector: Reflector) -> None:
    """All that was acknowledged is there; the numbers say as many steps as there are keys."""
    listed = await store.range("", timeout=60)
    steps = {item.key for item in listed.items if item.key.startswith("step/")}
    counts = {item.key: int(item.value) for item in listed.items if item.key.startswith("count/")}
    assert load.acknowledged <= steps, sorted(load.acknowledged - steps)
    for number in range(WRITERS):
        own = sorted(key for key in steps if key.startswith(f"step/{number}/"))
        assert own == [f"step/{number}/{step:05}" for step in range(1, counts[f"count/{number}"] + 1)]
    async with asyncio.timeout(60):  # what was under way when the writers ended may be done yet
        while reflector.items != {item.key: item for item in (await store.range("step/")).items}:
            await asyncio.sleep(0.05)


async def grows(load: Load, by: int = 20) -> None:
    """Until so many more are acknowledged."""
    wanted = len(load.acknowledged) + by
    async with asyncio.timeout(60):
        while len(load.acknowledged) < wanted:
            await asyncio.sleep(0.02)
