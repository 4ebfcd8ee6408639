"""Being the only one: whoever made the key under his lease is elected; its revision is his fence.

Fences only rise. Whoever takes orders remembers the highest he has seen and refuses lower ones, so that one
who was elected before and does not know yet that he is not any more does no harm.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from viscript.statestore.api import TIMEOUT_S, Get, Item, Put, StateStore, absent
from viscript.statestore.derived import Deadline
from viscript.statestore.errors import Compacted, Unclear


@dataclass(frozen=True)
class Elected:
    """Who is: `fence` is the revision that made the key."""

    value: bytes
    fence: int
    lease: int


async def elect(
    store: StateStore, key: str, value: bytes, lease: int, *, timeout: float = TIMEOUT_S
) -> Elected:
    """Try to be elected; whoever is now. It is us when its lease is ours. Raises `LeaseGone`."""
    deadline = Deadline(timeout)
    while True:
        try:
            done = await store.txn(
                (absent(key),), (Put(key, value, lease),), (Get(key),), timeout=deadline.left()
            )
        except Unclear as exc:  # asked again: a key with our lease is our own
            await deadline.pause(exc)
            continue
        if done.ok:
            return Elected(value, done.revision, lease)
        held = done.results[0]
        if isinstance(held, Item):
            return Elected(held.value, held.created, held.lease)


async def vacant(store: StateStore, key: str) -> None:
    """Return once nobody is elected under that key; waits for ever, and raises what a watch raises."""
    while True:
        listed = await store.range(key)
        if all(item.key != key for item in listed.items):
            return
        try:
            if await _deleted(store, key, listed.revision + 1):
                return
        except Compacted:
            continue


async def _deleted(store: StateStore, key: str, from_revision: int) -> bool:
    async with aclosing(store.watch(key, from_revision)) as batches:
        async for batch in batches:
            if any(event.deleted and event.item.key == key for event in batch.events):
                return True
    return False
