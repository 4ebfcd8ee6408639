"""A copy of all desired state: what the store has, and of the orders those that this host believes.

The orders that were taken, and the last assignments, are kept on this host's disk too: with the store away a
host that comes up starts what it may without it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import (
    ALIVE,
    ASSIGN,
    DESIRED,
    KEPT_ASSIGNED,
    KEPT_ORDERS,
    OBSERVED,
    ORDERS,
    RUN,
    Assignment,
    Observed,
    Slot,
    host_of,
    slot_of,
    unpack,
)
from viscript.cluster.desired.record import Deployment
from viscript.cluster.desired.trust import Book, Trust
from viscript.cluster.desired.view import Held
from viscript.statestore.api import Item, StateStore
from viscript.statestore.reflector import Reflector

log = logging.getLogger(__name__)

Save = Callable[[str, bytes], None]
Tell = Callable[[str, str, str], None]  # event, subject, reason
T = TypeVar("T")


class Mirror:
    """`run()` it in a task. `changed` is called whenever something is not as it was."""

    def __init__(
        self,
        store: StateStore,
        trust: Callable[[], Trust | None],
        *,
        changed: Callable[[], None],
        save: Save = lambda key, data: None,
        tell: Tell = lambda kind, subject, reason: None,
    ) -> None:
        self.book = Book()
        self._trust = trust
        self._changed = changed
        self._save = save
        self._tell = tell
        self._kept_assigned: dict[Slot, bytes] = {}
        self._parts = {
            DESIRED: Reflector(store, DESIRED, changed=self._order, settled=self._settled),
            ORDERS: Reflector(store, ORDERS, changed=self._host_order, settled=self._settled),
            ASSIGN: Reflector(store, ASSIGN, settled=self._assignments_settled),
            **{prefix: Reflector(store, prefix, settled=changed) for prefix in (RUN, ALIVE, OBSERVED)},
        }
        self._dirty = False
        self._known: dict[str, tuple[tuple[int, ...], object]] = {}

    async def run(self) -> None:
        """Follow the store, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for part in self._parts.values():
                tasks.create_task(part.run())

    @property
    def fresh(self) -> bool:
        """Whether all of it follows the store."""
        return all(part.fresh.is_set() for part in self._parts.values())

    @property
    def fault(self) -> str:
        """Why it does not; empty when it does."""
        return next((part.fault for part in self._parts.values() if part.fault), "")

    # What is known.

    def deployments(self) -> Mapping[str, Deployment]:
        """What is to run, by the orders that count."""
        return self.book.deployments(time.time())

    def item(self, key: str) -> Item | None:
        """What the store has there, of any of the prefixes."""
        return next((part.items[key] for part in self._parts.values() if key in part.items), None)

    def assigned(self) -> dict[Slot, bytes]:
        """Which host the leader gave each instance."""
        if not self._parts[ASSIGN].revision:
            return dict(self._kept_assigned)
        return self._once(self._read_assigned, ASSIGN)

    def _read_assigned(self) -> dict[Slot, bytes]:
        found: dict[Slot, bytes] = {}
        for key, item in self._parts[ASSIGN].items.items():
            slot, value = slot_of(ASSIGN, key), unpack(item.value, Assignment)
            if slot is not None and value is not None:
                found[slot] = value.host
        return found

    def claims(self) -> dict[Slot, Held]:
        """Who runs the exclusive ones."""
        return self._once(self._read_claims, RUN)

    def _read_claims(self) -> dict[Slot, Held]:
        return {
            slot: Held(item.lease, item.created)
            for key, item in self._parts[RUN].items.items()
            if (slot := slot_of(RUN, key)) is not None
        }

    def alive(self) -> frozenset[PublicKey]:
        """The hosts whose lease is kept."""
        hosts = (host_of(ALIVE, key) for key in self._parts[ALIVE].items)
        return frozenset(host for host in hosts if host is not None)

    def observed(self) -> dict[Slot, tuple[PublicKey, Observed]]:
        """How each instance stands, as its host says: of several, the one that is to run it."""
        return self._once(self._read_observed, OBSERVED, ASSIGN)

    def _read_observed(self) -> dict[Slot, tuple[PublicKey, Observed]]:
        found: dict[Slot, tuple[PublicKey, Observed]] = {}
        assigned = self.assigned()
        for key, item in self._parts[OBSERVED].items.items():
            host, value = host_of(OBSERVED, key), unpack(item.value, Observed)
            if host is None or value is None:
                continue
            slot = (value.app, value.number)
            if slot not in found or assigned.get(slot) == host:
                found[slot] = (host, value)
        return found

    def _once(self, read: Callable[[], T], *prefixes: str) -> T:
        """What `read` gives, read anew only when one of its parts has changed. Not to be changed."""
        at = tuple(self._parts[prefix].revision for prefix in prefixes)
        known = self._known.get(read.__name__)
        if known is None or known[0] != at:
            known = self._known[read.__name__] = (at, read())
        return cast("T", known[1])

    def revision(self, prefix: str) -> int:
        """Up to where this part follows the store; 0 before the first look."""
        return self._parts[prefix].revision

    # What comes in.

    def written(self, key: str, record: bytes) -> None:
        """This host itself has written that order: it counts at once."""
        take = self._order if key.startswith(DESIRED) else self._host_order
        take(key, Item(key, record, 0, 0))
        self._settled()

    def review(self) -> None:
        """Judge all orders again: the roster has changed."""
        self._forget_others()
        for prefix, take in ((DESIRED, self._order), (ORDERS, self._host_order)):
            for key, item in self._parts[prefix].items.items():
                take(key, item)
        self._settled()

    def _forget_others(self) -> None:
        """What an earlier cluster ordered counts no more, and its versions bind nobody here."""
        trust = self._trust()
        if trust is not None and self.book.keep_only(trust.cluster):
            self._dirty = True

    def _order(self, key: str, item: Item | None) -> None:
        trust, app = self._trust(), key.removeprefix(DESIRED)
        if item is None:
            self.book.pardon(app)  # only a signed order takes an app away
        elif trust is not None:
            before, known = self.book.deployment(app), self.book.refused.get(app)
            why = self.book.offer(app, item.value, trust)
            self._judged(f"deployment/{app}", known, why, news=self.book.deployment(app) is not before)

    def _host_order(self, key: str, item: Item | None) -> None:
        trust, host = self._trust(), host_of(ORDERS, key)
        if trust is None or host is None:
            return
        subject = f"orders/{host.hex()[:16]}"
        if item is None:
            self.book.pardon(subject)
            return
        before, known = self.book.host_order(host), self.book.refused.get(subject)
        why = self.book.offer_host(host, item.value, trust)
        self._judged(subject, known, why, news=self.book.host_order(host) is not before)

    def _judged(self, subject: str, known: str | None, why: str, *, news: bool) -> None:
        self._dirty = self._dirty or news
        if why and why != known:
            log.warning("%s in the store is not obeyed: %s", subject, why)
            self._tell("order.refused", subject, why)

    def _settled(self) -> None:
        if self._dirty:
            self._dirty = False
            self._save(KEPT_ORDERS, self.book.dump())
        self._changed()

    def _assignments_settled(self) -> None:
        rows = [(slot[0], slot[1], host) for slot, host in sorted(self.assigned().items())]
        self._save(KEPT_ASSIGNED, msgspec.msgpack.encode(rows))
        self._changed()

    def restore(self, orders: bytes | None, assigned: bytes | None) -> None:
        """What an earlier daemon had seen."""
        for fault in self.book.restore(orders) if orders else ():
            log.error("an order of before is not understood: %s", fault)
        self._forget_others()
        try:
            rows = msgspec.msgpack.decode(assigned or b"\x90", type=list[tuple[str, int, bytes]])
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            log.error("the assignments of before are not understood: %s", exc)
            return
        self._kept_assigned = {(app, number): host for app, number, host in rows}
