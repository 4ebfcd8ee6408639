"""What a host knows of the cluster's wishes, and the facts about each instance that follow from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import Observed, Slot
from viscript.cluster.desired.place import parse
from viscript.cluster.desired.record import Deployment
from viscript.cluster.desired.slots import ANOTHERS, UNCLAIMED, Assigned, Facts, Local
from viscript.supervisor.api import Deployed
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

_UP_STATES: Final = frozenset({"running", "ready", "done"})
_ENDED: Final = frozenset({Phase.STOPPED, Phase.DONE, Phase.FATAL})
_TAKEN: Final = frozenset({"lease-lost", "lost", "host-restarted", "keeper-gone"})  # causes it did not choose


@dataclass(frozen=True)
class Held:
    """A key under `run/`: who made it, when, and under which lease."""

    lease: int
    created: int


@dataclass(frozen=True, kw_only=True)
class View:
    """All that facts depend on. `claims_at` is the revision that `claims` are of."""

    me: PublicKey
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)
    lease: int = 0
    kept: bool = False
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    believed: frozenset[PublicKey] = frozenset()  # signers who may operate now
    assigned: Mapping[Slot, bytes] = field(default_factory=dict)
    claims: Mapping[Slot, Held] = field(default_factory=dict)
    claims_at: int = 0
    observed: Mapping[Slot, Observed] = field(default_factory=dict)

    def slots(self, held: Iterable[Slot]) -> list[Slot]:
        """All instances that something may have to be done about here."""
        mine = {slot for slot, host in self.assigned.items() if host == self.me}
        ours = {slot for slot, claim in self.claims.items() if claim.lease == self.lease}
        return sorted({*mine, *ours, *held})

    def version(self, slot: Slot) -> int:
        """Of the order about an instance; 0 for none."""
        deployment = self.deployments.get(slot[0])
        return 0 if deployment is None else deployment.version

    def facts(self, slot: Slot, managed: Managed | None) -> Facts:
        """The facts about one instance."""
        deployment = self.deployments.get(slot[0])
        told = managed.entry.deployed if managed is not None else None
        fence = told.fence if told is not None else 0
        same = deployment is None or (told is not None and told.what == deployment.what)
        replaces = not same and local_of(managed) is Local.UP
        exclusive = deployment.exclusive if deployment is not None else fence > 0
        return Facts(
            assigned=self._assigned(slot),
            local=local_of(managed),
            exclusive=exclusive or fence > 0,
            may_start=deployment is not None and self._may_start(slot, deployment, replaces=replaces),
            kept=self.kept,
            claim=self._claim(slot, told),
            fence=fence,
            same=same,
            ordered=told is not None and told.what != "",
        )

    def _assigned(self, slot: Slot) -> Assigned:
        if not is_ordered(self.deployments, slot):
            return Assigned.GONE
        host = self.assigned.get(slot)
        if host is None:
            return Assigned.NOBODY
        return Assigned.MINE if host == self.me else Assigned.OTHERS

    def _claim(self, slot: Slot, told: Deployed | None) -> int:
        """A claim is ours by its lease: one of an earlier life of this host is another's."""
        if told is not None and told.fence > self.claims_at and told.lease == f"{self.lease:x}":
            return told.fence  # made a moment ago, and not seen yet
        claim = self.claims.get(slot)
        if claim is None:
            return UNCLAIMED
        return claim.created if self.lease and claim.lease == self.lease else ANOTHERS

    def _may_start(self, slot: Slot, deployment: Deployment, *, replaces: bool) -> bool:
        if deployment.by not in self.believed:
            return False
        if not parse(deployment.place).admits(self.label, self.labels):
            return False
        return not replaces or self._is_turn(slot, deployment)

    def _is_turn(self, slot: Slot, deployment: Deployment) -> bool:
        """Instances are replaced one after the other: those of lower numbers are up as ordered now."""
        before = (self.observed.get((slot[0], number)) for number in range(1, slot[1]))
        return all(one is None or (one.what == deployment.what and one.state in _UP_STATES) for one in before)


def is_ordered(deployments: Mapping[str, Deployment], slot: Slot) -> bool:
    """Whether there is to be such an instance."""
    deployment = deployments.get(slot[0])
    return deployment is not None and 1 <= slot[1] <= deployment.count


def local_of(managed: Managed | None) -> Local:
    """What we have of it."""
    if managed is None:
        return Local.NONE
    if managed.phase in _ENDED:
        return Local.LOST if _was_taken(managed) else Local.ENDED
    return Local.ENDING if managed.phase is Phase.STOPPING else Local.UP


def _was_taken(managed: Managed) -> bool:
    """Whether it ended, or was refused a new start, for a cause that a new claim does away with."""
    if managed.phase is Phase.FATAL:
        return managed.cause == "lease-lost"
    return managed.phase is Phase.STOPPED and managed.cause in _TAKEN
