"""Which host is to run which instance. Pure and deterministic: equal facts, equal plan.

An instance stays where it is as long as that host is there, takes work, and is meant. Nothing moves without
such a cause: also not back to a host that returned, and not to even out. What has to go somewhere goes to the
host with, in this order, the fewest instances of the app on its value of `spread`, the fewest of the
app, the fewest of all, the highest score of instance and host (so that apps do not all prefer one).

An instance without any host to go to stays where it was, if that host is merely not there: it may return.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import Slot
from viscript.cluster.desired.place import parse
from viscript.cluster.desired.record import Deployment, Mode

Plan = dict[Slot, PublicKey]


@dataclass(frozen=True, kw_only=True)
class PlanHost:
    """A host as the plan sees it."""

    key: PublicKey
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)
    alive: bool = True
    awaited: bool = False  # not there yet, and given a moment: what it had stays, nothing comes
    mode: Mode = Mode.NORMAL


def plan(
    deployments: Iterable[Deployment], hosts: Iterable[PlanHost], before: Mapping[Slot, PublicKey]
) -> Plan:
    """Where each instance is to run. Instances that no host can take are left out."""
    ledger = _Ledger({host.key: host for host in hosts})
    homeless: list[tuple[Deployment, int]] = []
    for one in sorted((one for one in deployments if not one.gone), key=lambda one: one.app):
        for number in range(1, one.count + 1):
            held = before.get((one.app, number), _NONE)
            if _stays(one, number, ledger.hosts.get(held), ledger.hosts):
                ledger.put(one, number, held)
            else:
                homeless.append((one, number))
    for one, number in homeless:
        target = ledger.best(one, number) or _waits(
            one, ledger.hosts.get(before.get((one.app, number), _NONE))
        )
        if target:
            ledger.put(one, number, target)
    return ledger.found


class _Ledger:
    """The plan as far as it has come, and how much each host has of it."""

    def __init__(self, hosts: Mapping[PublicKey, PlanHost]) -> None:
        self.hosts = hosts
        self.found: Plan = {}
        self._loads: Counter[PublicKey] = Counter()
        self._of_app: defaultdict[str, Counter[PublicKey]] = defaultdict(Counter)
        self._of_value: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def put(self, deployment: Deployment, number: int, key: PublicKey) -> None:
        """This instance goes there."""
        self.found[deployment.app, number] = key
        self._loads[key] += 1
        self._of_app[deployment.app][key] += 1
        self._of_value[deployment.app][_value(deployment, self.hosts.get(key))] += 1

    def best(self, deployment: Deployment, number: int) -> PublicKey | None:
        """The host that an instance without one goes to."""
        able = [host for host in self.hosts.values() if _takes(deployment, host)]
        pinned = deployment.pins.get(number)
        if any(host.key == pinned for host in able):
            return pinned
        mine, values = self._of_app[deployment.app], self._of_value[deployment.app]

        def load(host: PlanHost) -> tuple[int, int, int]:
            return values[_value(deployment, host)], mine[host.key], self._loads[host.key]

        least = min(map(load, able), default=None)
        best = [host.key for host in able if load(host) == least]
        return min(best, key=lambda key: _score(deployment.app, number, key), default=None)


_NONE = PublicKey(b"")


def meant(deployment: Deployment, host: PlanHost) -> bool:
    """Whether the host is among those that the deployment names."""
    return parse(deployment.place).admits(host.label, host.labels)


def _takes(deployment: Deployment, host: PlanHost) -> bool:
    return host.alive and host.mode is Mode.NORMAL and meant(deployment, host)


def _stays(
    deployment: Deployment, number: int, host: PlanHost | None, table: Mapping[PublicKey, PlanHost]
) -> bool:
    if host is None or host.mode is Mode.DRAINED or not meant(deployment, host):
        return False
    if not host.alive:
        return host.awaited
    pinned = table.get(deployment.pins.get(number, _NONE))
    return pinned is None or pinned.key == host.key or not _takes(deployment, pinned)


def _waits(deployment: Deployment, host: PlanHost | None) -> PublicKey | None:
    """The host that was lost, or is drained with nobody to take over: better there than nowhere."""
    return host.key if host is not None and meant(deployment, host) else None


def _value(deployment: Deployment, host: PlanHost | None) -> str:
    """What a host counts as; all hosts are alike where nothing is to be spread."""
    return "" if host is None or not deployment.spread else host.labels.get(deployment.spread, "")


def _score(app: str, number: int, host: bytes) -> bytes:
    return hashlib.sha256(f"{app}/{number}/".encode() + host).digest()
