"""Rules of the transport discovery. Pure: each gives a plan, or raises `Refusal`.

A transport is registered, renewed and taken back by its edges only, whatever signatures somebody shows: an
entry has no time in it, so others could bring an old one back. It is up as long as no edge says that it is
down; either edge's word renews its lease.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from components.mesh.forms import EdgeStatus, Page, Status, Told
from components.mesh.keys import hex66
from components.mesh.transport import SignedEntry
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.ledger import Change, Ledger, TransportRow, put
from components.node_manager.offers import uptime
from components.node_manager.plan import News, Plan
from signal_bus.ids import PublicKey

TOPIC: Final = "mesh.transport"


def register(
    ledger: Ledger, now: float, who: PublicKey, offered: Sequence[SignedEntry]
) -> Plan[tuple[Told, ...]]:
    """Enter or renew transports whose ids and signatures were found good."""
    name = hex66(who)
    latest = {each.entry.t_id: each for each in offered}
    for each in offered:
        _demand_edge(each, name)
    fresh = [each for each in latest.values() if each.entry.t_id not in ledger.transports]
    _demand_room(ledger, fresh)
    rows = {key: _registered(ledger, each, name, now) for key, each in latest.items()}
    changes = [put(key, row) for key, row in rows.items()]
    news = [_news("registered", each) for each in fresh]
    return Plan(_told_all(rows.values(), now), [*changes, uptime.beat(ledger, name, now)], news)


def status(ledger: Ledger, now: float, who: PublicKey, said: Sequence[Status]) -> Plan[tuple[Told, ...]]:
    """Note what an edge says of its transports, and renew them; those that are not there are left out.

    So one that expired does not take others with it, and its edge learns that it must register it again.
    """
    name = hex66(who)
    rows: dict[str, TransportRow] = {}
    for each in said:
        row = rows.get(each.t_id) or ledger.transports.get(each.t_id)
        if row is None or row.ends <= now:
            continue
        _demand_edge(row.signed, name)
        rows[each.t_id] = _with_status(row, name, each, now)
    news = [
        _news("up" if row.is_up else "down", row.signed)
        for key, row in rows.items()
        if row.is_up != ledger.transports[key].is_up
    ]
    changes = [put(key, row) for key, row in rows.items()]
    return Plan(_told_all(rows.values(), now), [*changes, uptime.beat(ledger, name, now)], news)


def remove(ledger: Ledger, now: float, who: PublicKey, t_id: str) -> Plan[None]:
    """Take a transport back."""
    row = find(ledger, now, t_id)
    _demand_edge(row.signed, hex66(who))
    return Plan(None, [Change("transport", t_id, None)], [_news("removed", row.signed)])


def find(ledger: Ledger, now: float, t_id: str) -> TransportRow:
    """A transport. Raises `Refusal` where there is none."""
    row = ledger.transports.get(t_id)
    if row is None or row.ends <= now:
        raise Refusal(404, "transport", f"there is no transport {t_id!r}")
    return row


def of_edge(ledger: Ledger, now: float, key: PublicKey) -> tuple[Told, ...]:
    """The transports of a node. Raises `Refusal` where it has none."""
    rows = [ledger.transports[t_id] for t_id in sorted(ledger.of_edge(hex66(key)))]
    live = [row for row in rows if row.ends > now]
    if not live:
        raise Refusal(404, "transport", f"{key.hex()} has no transports")
    return _told_all(live[: limits.MOST_OF_AN_EDGE], now)


def page(ledger: Ledger, now: float, after: str, count: int) -> Page:
    """Some of all transports, by id."""
    later = (t_id for t_id, row in ledger.transports.items() if t_id > after and row.ends > now)
    ids = heapq.nsmallest(count, later)
    last = ids[-1] if len(ids) == count else ""
    return Page(transports=_told_all([ledger.transports[t_id] for t_id in ids], now), next=last)


def live(ledger: Ledger, now: float) -> tuple[Told, ...]:
    """All transports, for the route finder."""
    return _told_all([row for row in ledger.transports.values() if row.ends > now], now)


def tell(row: TransportRow, now: float) -> Told:
    """A transport as it is told."""
    return Told(
        entry=row.signed.entry,
        signatures=row.signed.signatures,
        is_up=row.is_up,
        registered=row.signed.registered,
        statuses=row.statuses,
        expires_s=max(0, round(row.ends - now)),
    )


def _told_all(rows: Iterable[TransportRow], now: float) -> tuple[Told, ...]:
    return tuple(tell(row, now) for row in rows)


def _registered(ledger: Ledger, offered: SignedEntry, name: str, now: float) -> TransportRow:
    """A new row; of one that is there, the edge that registers it again says that it is up."""
    before = ledger.transports.get(offered.entry.t_id)
    if before is None or before.ends <= now:
        signed = msgspec.structs.replace(offered, registered=int(now))
        told = EdgeStatus(updated=int(now))
        return TransportRow(ends=now + limits.LEASE_S, signed=signed, statuses=(told, told))
    signed = msgspec.structs.replace(offered, registered=before.signed.registered)
    row = TransportRow(ends=before.ends, signed=signed, statuses=before.statuses)
    mine = row.statuses[row.signed.entry.edges.index(name)]
    again = Status(t_id=offered.entry.t_id, is_up=True, rtt_us=mine.rtt_us, throughput=mine.throughput)
    return _with_status(row, name, again, now)


def _with_status(row: TransportRow, name: str, said: Status, now: float) -> TransportRow:
    told = EdgeStatus(is_up=said.is_up, updated=int(now), rtt_us=said.rtt_us, throughput=said.throughput)
    first, second = row.statuses
    both = (told, second) if row.signed.entry.edges[0] == name else (first, told)
    return TransportRow(ends=now + limits.LEASE_S, signed=row.signed, statuses=both)


def _demand_edge(signed: SignedEntry, name: str) -> None:
    if name not in signed.entry.edges:
        raise Refusal(403, "edge", f"{name} is no edge of transport {signed.entry.t_id}")


def _demand_room(ledger: Ledger, fresh: Sequence[SignedEntry]) -> None:
    if len(ledger.transports) + len(fresh) > limits.MOST_TRANSPORTS:
        raise Refusal(503, "full", f"there are {limits.MOST_TRANSPORTS} transports already")
    for edge in {edge for each in fresh for edge in each.entry.edges}:
        more = sum(edge in each.entry.edges for each in fresh)
        if len(ledger.of_edge(edge)) + more > limits.MOST_OF_AN_EDGE:
            raise Refusal(503, "full", f"{edge} has {limits.MOST_OF_AN_EDGE} transports already")


def _news(what: str, signed: SignedEntry) -> News:
    entry = signed.entry
    return News(TOPIC, {"what": what, "id": entry.t_id, "edges": list(entry.edges), "type": entry.type.value})
