"""Desired state on one host, put together: what it mirrors, whether it leads, what it carries out.

store -> Mirror -> Book (orders that count) -> Leader (plans, when elected) -> store
                -> View -> slots.step -> Controller -> supervisor -> keeper
HostLease -> file -> keeper and warden          Observing -> store
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.desired.controller import Controller, EntryOf, Run, of_host
from viscript.cluster.desired.keys import RUN, Observed, Slot
from viscript.cluster.desired.leader import Leader
from viscript.cluster.desired.lease import HostLease
from viscript.cluster.desired.mirror import Mirror, Save, Tell
from viscript.cluster.desired.observing import Observing, observed
from viscript.cluster.desired.planner import PlanHost
from viscript.cluster.desired.record import Mode
from viscript.cluster.desired.trust import Trust
from viscript.cluster.desired.view import View, is_ordered
from viscript.cluster.model import covers
from viscript.cluster.roster import Roster
from viscript.statestore.api import StateStore
from viscript.supervisor.deployed import DeployedApps
from viscript.verbs.table import Role

log = logging.getLogger(__name__)

ANEW_S: Final = 1.0  # between a fault of ours and the next try


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What desired state needs of its host."""

    store: StateStore
    me: PublicKey
    roster: Callable[[], Roster | None]
    apps: DeployedApps
    folder: Path  # of the files of leases
    entry_of: EntryOf
    run: Run
    save: Save
    tell: Tell
    marked: Callable[[Mode], None] = lambda mode: None  # whether this host takes work, by order


class DesiredSide:
    """`run()` it in a task; call `look` when the roster or an app of this host has changed."""

    def __init__(self, given: Surroundings) -> None:
        self.store = given.store
        self.me = given.me
        self._given = given
        self.mirror = Mirror(given.store, self.trust, changed=self.look, save=given.save, tell=given.tell)
        self.lease = HostLease(given.store, given.folder, self.look)
        self.leader = Leader(given.store, given.me, self.mirror, self.hosts, may=self._may_lead)
        self.controller = Controller(
            given.store,
            self.lease,
            given.apps,
            view=self.view,
            entry_of=given.entry_of,
            moved_from=self._moved_from,
            run=given.run,
        )
        self.observing = Observing(given.store, self.lease, given.me, self.label, given.apps.held)
        self._last_seen: dict[Slot, tuple[PublicKey, int]] = {}

    async def run(self, *more: Callable[[], Awaitable[None]]) -> None:
        """Serve for ever, and have `more` served beside it."""
        earlier = of_host(self._given.apps.held())
        async with asyncio.TaskGroup() as tasks:
            for work in (
                self.mirror.run,
                lambda: self.lease.run(earlier),
                self.leader.run,
                self.controller.run,
                self.observing.run,
                *more,
            ):
                tasks.create_task(_for_ever(work))

    def look(self) -> None:
        """Something may have changed."""
        self._given.marked(self.mirror.book.mode(self.me))
        self._remember_places()
        self.leader.look()
        self.controller.look()
        self.observing.look()

    def review(self) -> None:
        """The roster has changed."""
        self.mirror.review()
        self.look()

    def _may_lead(self) -> bool:
        """Who belongs no more, and knows of no hosts, plans nothing.

        The host whose store it is lets only those plan that may operate; it can always do so itself.
        """
        roster = self._given.roster()
        role = None if roster is None else roster.role_of(self.me)
        far = self.store.capabilities().engine == "host"
        return role is not None and (not far or covers(role, Role.OPERATE))

    def trust(self) -> Trust | None:
        """Whom this host believes; None while it belongs to no cluster."""
        roster = self._given.roster()
        return None if roster is None else Trust(cluster=roster.cluster, role_of=roster.role_of)

    def label(self, host: PublicKey | None = None) -> str:
        """The label of a host, this one by default; the beginning of its key for a stranger."""
        key = self.me if host is None else host
        roster = self._given.roster()
        member = None if roster is None else roster.present.get(key)
        return key.hex()[:8] if member is None else member.label

    def hosts(self) -> list[PlanHost]:
        """All hosts of the cluster, as the plan sees them."""
        roster, alive = self._given.roster(), self.mirror.alive()
        return [
            PlanHost(
                key=key,
                label=member.label,
                labels=member.labels,
                alive=key in alive,
                mode=self.mirror.book.mode(key),
            )
            for key, member in (roster.present.items() if roster is not None else ())
        ]

    def own(self) -> dict[Slot, Observed]:
        """How the instances on this host stand."""
        return {slot: observed(one) for slot, one in self._given.apps.held().items()}

    def view(self) -> View:
        """What this host knows now."""
        roster, trust = self._given.roster(), self.trust()
        member = None if roster is None else roster.present.get(self.me)
        deployments = self.mirror.deployments()
        signers = {one.by for one in deployments.values()}
        return View(
            me=self.me,
            label=self.label(),
            labels={} if member is None else member.labels,
            lease=self.lease.id,
            kept=self.lease.is_kept and self.mirror.fresh,
            deployments=deployments,
            believed=frozenset(by for by in signers if trust is not None and trust.believes(by)),
            assigned=self.mirror.assigned(),
            claims=self.mirror.claims(),
            claims_at=self.mirror.revision(RUN),
            observed={slot: value for slot, (_, value) in self.mirror.observed().items()},
        )

    def _remember_places(self) -> None:
        """Where each instance was seen last: it may have moved from there."""
        for slot, (host, value) in self.mirror.observed().items():
            self._last_seen[slot] = (host, value.seq)
        for slot, given in self.mirror.assigned().items():
            self._last_seen.setdefault(slot, (PublicKey(given), 0))
        orders = self.mirror.deployments()
        for slot in [slot for slot in self._last_seen if not is_ordered(orders, slot)]:
            del self._last_seen[slot]  # every host may write that it has one

    def _moved_from(self, slot: Slot) -> str:
        host, seq = self._last_seen.get(slot, (self.me, 0))
        if host == self.me:
            return ""
        return f"{self.label(host)}/{seq}" if seq else self.label(host)


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Begin it anew when a fault of ours ends it: the others, and the daemon, go on."""
    while True:
        try:
            await work()
        except Exception:  # a bug in one part must not stop the rest
            log.exception("desired state: one part failed; it begins anew")
        await asyncio.sleep(ANEW_S)
