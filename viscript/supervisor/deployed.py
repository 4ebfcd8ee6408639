"""The instances that an order of the cluster brought to this host: found, started, stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from viscript.supervisor.api import AppEntry, Started
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.roster import ENDED
from viscript.supervisor.supervisor import Supervisor

ACTOR = "cluster"
GIVEN_UP = "the cluster has it run elsewhere, otherwise, or no more"


class DeployedApps:
    """One instance each of an app of the cluster and a number; an id is used again on the same host."""

    def __init__(self, supervisor: Supervisor, conductor: Conductor) -> None:
        self._supervisor = supervisor
        self._conductor = conductor

    def held(self) -> dict[tuple[str, int], Managed]:
        """The one instance of each; of several, one that lives, else the newest."""
        found: dict[tuple[str, int], Managed] = {}
        everything = self._conductor.managed.values()
        for managed in sorted(everything, key=lambda one: (one.phase not in ENDED, one.seq)):
            if managed.entry.deployed is not None:
                found[managed.entry.deployed.app, managed.entry.deployed.number] = managed
        return found

    async def start(self, entry: AppEntry, args: Sequence[str], env: Mapping[str, str]) -> Started:
        """Start it, under the id it had here before. Raises VerbError."""
        assert entry.deployed is not None
        held = self.held().get((entry.deployed.app, entry.deployed.number))
        if held is None or held.phase not in ENDED:
            return await self._supervisor.start(entry, args, env=env, wait=None, actor=ACTOR)
        held.entry, held.env = entry, dict(env)
        held.args = tuple(args) or entry.spec.default_args
        return await self._supervisor.start_again(held.seq, wait=None, actor=ACTOR)

    async def stop(self, seq: int) -> None:
        """Give it up; returns when it is gone. Ordered again, it begins anew. Raises VerbError."""
        await self._supervisor.stop(seq, actor=ACTOR, reason=GIVEN_UP)
        self.forget(seq)

    def forget(self, seq: int) -> None:
        """What has ended is of no order any more: ordered again, it begins anew."""
        managed = self._conductor.managed.get(seq)
        if managed is not None and managed.entry.deployed is not None and managed.phase in ENDED:
            nothing = msgspec.structs.replace(managed.entry.deployed, what="")
            managed.entry = msgspec.structs.replace(managed.entry, deployed=nothing)
            self._conductor.note(managed)
