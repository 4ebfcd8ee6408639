"""Which instances a schedule runs: so many as the app has, each with an id of its own that it keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from viscript.config.model import Schedule
from viscript.supervisor.api import AppEntry
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.renewing import Renewing
from viscript.supervisor.roster import ENDED
from viscript.supervisor.supervisor import Supervisor


class Scheduled:
    """Finds them, and makes those that are missing."""

    def __init__(self, supervisor: Supervisor, conductor: Conductor, renewing: Renewing) -> None:
        self._supervisor = supervisor
        self._conductor = conductor
        self._renewing = renewing

    def instances(self) -> Iterator[tuple[Managed, Schedule]]:
        """Every enabled one, with the schedule as it is configured now."""
        there: defaultdict[str, list[Managed]] = defaultdict(list)
        for managed in self._conductor.managed.values():
            if managed.configured:
                there[managed.app].append(managed)
        for name, entry in tuple(self._supervisor.apps().items()):
            if entry.spec.schedule is not None:
                for managed in self._of(entry, sorted(there[name], key=lambda one: one.seq)):
                    if managed.enabled:
                        yield managed, entry.spec.schedule

    def with_a_next_run(self) -> list[Managed]:
        """All that show one, by a schedule or by the memory of one."""
        return [managed for managed in self._conductor.managed.values() if managed.next_run is not None]

    def _of(self, entry: AppEntry, there: list[Managed]) -> list[Managed]:
        missing = range(entry.spec.instances - len(there))
        args = entry.spec.default_args
        made = [self._supervisor.roll.create(entry, args, configured=True) for _ in missing]
        return [*there, *made][: entry.spec.instances]

    def refresh(self, managed: Managed) -> None:
        """One that does not run takes on its app as it is configured now."""
        if managed.phase in ENDED:
            self._renewing.refresh(managed)
