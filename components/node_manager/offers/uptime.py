"""How long nodes were there: from one sign of life to the next, if that is within a lease. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import msgspec

from components.mesh.forms import Uptime
from components.node_manager import limits
from components.node_manager.ledger import Change, Ledger, UptimeRow, put


def beat(ledger: Ledger, key: str, now: float) -> Change:
    """What changes when a node renews anything. When there are too many, a new one is not noted."""
    ends = now + limits.REMEMBER_S
    row = ledger.uptimes.get(key)
    if row is None:
        full = len(ledger.uptimes) >= limits.MOST_UPTIMES
        return Change("uptime", key, None) if full else put(key, UptimeRow(ends=ends, since=now, seen=now))
    gap = max(0.0, now - row.seen)
    up_s = row.up_s + (gap if gap <= limits.LEASE_S else 0.0)
    return put(key, msgspec.structs.replace(row, ends=ends, seen=now, up_s=up_s))


def tell(key: str, row: UptimeRow, now: float) -> Uptime:
    """A node's uptime as it is told; while it is online, the time since it was seen counts."""
    online = now - row.seen <= limits.LEASE_S
    up_s = row.up_s + (max(0.0, now - row.seen) if online else 0.0)
    known_s = max(now - row.since, 1.0)
    return Uptime(
        pk=key,
        online=online,
        up_s=round(up_s),
        percentage=round(min(100.0, 100 * up_s / known_s), 2) if now > row.since else 100.0,
        since=int(row.since),
        seen=int(row.seen),
    )


def some(ledger: Ledger, now: float, keys: Iterable[str]) -> tuple[Uptime, ...]:
    """The uptimes of these nodes, as far as they are known."""
    return tuple(tell(key, row, now) for key in keys if (row := ledger.uptimes.get(key)) is not None)


def page(ledger: Ledger, now: float, after: str, count: int) -> tuple[Uptime, ...]:
    """The uptimes of some of all nodes, by key."""
    return some(ledger, now, heapq.nsmallest(count, (key for key in ledger.uptimes if key > after)))
