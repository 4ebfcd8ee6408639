"""All of one store into another: compared before, read back after, to be run again at any time.

Keys under a lease stay where they are, since their holders write them anew; so do the marks of requests. The
revision of the store copied to is raised above that of the first, so that no fence ever falls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from viscript.statestore.api import Compare, Delete, Item, Put, Range, StateStore, unchanged
from viscript.statestore.derived import REQUESTS, Writes
from viscript.statestore.errors import StateStoreError

TOGETHER: Final = 16  # keys of one transaction: 1 MiB at most
TIMEOUT_S: Final = 30.0
RAISED_AT_ONCE: Final = 32
RAISED_AT_MOST: Final = 200_000
_RAISING: Final = f"{REQUESTS}raising"


class Differs(StateStoreError):
    """The store copied to has another value of a key, or one that is not to be there."""

    def __init__(self, keys: Sequence[str]) -> None:
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        super().__init__(f"it holds something else already: {', '.join(keys[:3])}{more}")
        self.keys = tuple(keys)


class FencesFall(StateStoreError):
    """The store copied to counts so far below the first that it cannot be raised."""


@dataclass(frozen=True)
class Copied:
    """How many keys were written, were the same already, and were left out."""

    copied: int
    same: int
    left: int
    revision: int


async def migrate(source: StateStore, target: StateStore, *, replace: bool = False) -> Copied:
    """Copy all keys. Raises `Differs` before anything is written, and what the stores raise."""
    found = await source.range("", timeout=TIMEOUT_S)
    wanted = [item for item in found.items if _is_kept(item)]
    there = {item.key: item for item in (await target.range("", timeout=TIMEOUT_S)).items if _is_kept(item)}
    missing = [item for item in wanted if item.key not in there or there[item.key].value != item.value]
    kept = {item.key for item in wanted}
    foreign = [item for key, item in there.items() if key not in kept]
    differs = sorted([item.key for item in missing if item.key in there] + [item.key for item in foreign])
    if differs and not replace:
        raise Differs(differs)
    await _raise_revision(target, found.revision)
    writes = Writes(target)
    for start in range(0, len(missing), TOGETHER):
        await _write(writes, missing[start : start + TOGETHER], there)
    for item in foreign:
        await writes.delete(item.key, timeout=TIMEOUT_S)
    await writes.close()
    revision = await _compare(await source.range("", timeout=TIMEOUT_S), target)
    return Copied(len(missing), len(wanted) - len(missing), len(found.items) - len(wanted), revision)


def _is_kept(item: Item) -> bool:
    return not item.lease and not item.key.startswith(REQUESTS)


async def _write(writes: Writes, items: Sequence[Item], there: dict[str, Item]) -> None:
    """Some keys at once; none of them when one was written by another in the meantime."""
    compare: list[Compare] = [unchanged(item.key, there.get(item.key)) for item in items]
    done = await writes.txn(compare, [Put(item.key, item.value) for item in items], timeout=TIMEOUT_S)
    if not done.ok:
        raise Differs([item.key for item in items])


async def _compare(source: Range, target: StateStore) -> int:
    """Read all of it back. Raises `Differs` when it is not what the first store says now."""
    wanted = {item.key: item.value for item in source.items if _is_kept(item)}
    listed = await target.range("", timeout=TIMEOUT_S)
    found = {item.key: item.value for item in listed.items if _is_kept(item)}
    if found != wanted:
        raise Differs(
            sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        )
    return listed.revision


async def _raise_revision(target: StateStore, upto: int) -> None:
    """Let the store count from there on: each write raises it by one."""
    now = (await target.range(_RAISING, timeout=TIMEOUT_S)).revision
    if upto - now > RAISED_AT_MOST:
        raise FencesFall(
            f"fences would fall: one store counts {upto} changes, the other {now}; end all exclusive apps,"
            " and begin with an empty store"
        )
    while now < upto:
        some = min(RAISED_AT_ONCE, upto - now)
        done = await asyncio.gather(
            *(target.txn((), (Put(f"{_RAISING}/{n}", b""),), timeout=TIMEOUT_S) for n in range(some))
        )
        now = max(one.revision for one in done)
    await target.txn((), [Delete(f"{_RAISING}/{n}") for n in range(RAISED_AT_ONCE)], timeout=TIMEOUT_S)
