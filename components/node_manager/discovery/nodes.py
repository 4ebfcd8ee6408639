"""Rules of the node entries. Pure: each gives a plan, or raises `Refusal`.

An entry's signature says whose it is; its sequence, which is one more than the one before, that it is not an
old one. The sequence is remembered long after the entry expired, so that an old entry cannot come back then.
The sentences of refusals are those of the reference.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from components.mesh.entry import NodeEntry
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.ledger import Ledger, NodeRow, put
from components.node_manager.offers import uptime
from components.node_manager.plan import News, OutOfStep, Plan
from signal_bus.ids import PublicKey

TOPIC: Final = "mesh.node"
WRONG_SEQUENCE: Final = "sequence field of new entry is not sequence of old entry + 1"
NOT_FOUND: Final = "entry of public key is not found"


def enter(ledger: Ledger, now: float, entry: NodeEntry) -> Plan[str]:
    """Enter or renew a node's entry that was found good; the answer says which."""
    before = ledger.nodes.get(entry.static)
    if before is not None and entry.sequence != before.entry.sequence + 1:
        raise OutOfStep(422, "sequence", WRONG_SEQUENCE, before.entry.sequence + 1)
    if before is None and len(ledger.nodes) >= limits.MOST_NODES:
        raise Refusal(503, "full", f"there are {limits.MOST_NODES} nodes already")
    row = NodeRow(ends=now + limits.REMEMBER_S, entry=entry, live_until=now + entry.lease_s)
    renewed = before is not None and before.live_until > now
    news = [] if renewed and before and _same(before.entry, entry) else [_news("entered", entry.static)]
    changes = [put(entry.static, row), uptime.beat(ledger, entry.static, now)]
    return Plan("wrote new entry iteration" if renewed else "wrote a new entry", changes, news)


def remove(ledger: Ledger, now: float, who: PublicKey, key: PublicKey) -> Plan[None]:
    """Take one's own entry back; its sequence stays remembered."""
    if who != key:
        raise Refusal(403, "owner", "only a node itself takes its entry back")
    entry = find(ledger, now, key)
    row = NodeRow(ends=now + limits.REMEMBER_S, entry=entry, live_until=now)
    return Plan(None, [put(entry.static, row)], [_news("removed", entry.static)])


def find(ledger: Ledger, now: float, key: PublicKey) -> NodeEntry:
    """A node's entry. Raises `Refusal` where there is none."""
    row = ledger.nodes.get(hex66(key))
    if row is None or row.live_until <= now:
        raise Refusal(404, "node", NOT_FOUND)
    return row.entry


def servers(ledger: Ledger, now: float, *, available: bool, count: int) -> tuple[NodeEntry, ...]:
    """The messengers, by key; only those that take clients, if asked."""
    found = (
        entry
        for entry in _live(ledger, now, "")
        if entry.server is not None and (entry.server.available_connections or not available)
    )
    return tuple(heapq.nsmallest(count, found, key=lambda entry: entry.static))


def page(ledger: Ledger, now: float, after: str, count: int) -> tuple[str, ...]:
    """The keys of some of all nodes."""
    return tuple(heapq.nsmallest(count, (entry.static for entry in _live(ledger, now, after))))


def _live(ledger: Ledger, now: float, after: str) -> Iterator[NodeEntry]:
    return (row.entry for key, row in ledger.nodes.items() if key > after and row.live_until > now)


def _same(one: NodeEntry, other: NodeEntry) -> bool:
    """Whether nothing but what each renewal changes is new."""
    return (one.client, one.server, one.addresses, one.alias) == (
        other.client,
        other.server,
        other.addresses,
        other.alias,
    )


def _news(what: str, key: str) -> News:
    return News(TOPIC, {"what": what, "node": key})
