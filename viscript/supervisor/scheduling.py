"""Follows the schedules of all apps. One task, `run`, is the only one that begins runs.

Each instance of a scheduled app keeps its id and has a timetable; a disabled one has none. Before a run
begins, it is written down that it is owed and when the next one is: a daemon that is killed in between
begins it when it is back, and one that is killed later does not begin it twice, since the generation has
risen. A run that was due while no daemon was there is made up for, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from viscript.config.model import Schedule
from viscript.store.memory import Memory, boot_id
from viscript.store.writer import StoreError
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.dues import Dues
from viscript.supervisor.instance import Managed
from viscript.supervisor.overlap import Overlap
from viscript.supervisor.roster import ENDED
from viscript.supervisor.scheduled import Scheduled
from viscript.supervisor.timetable import Now, Timetable, same_times, timetable

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0  # the wall's clock may jump: it is looked at so often
SHOWN_SECONDS: Final = 0.5  # a next run that moved by less is not shown anew
MARK: Final = "schedules_followed"  # in the store: the boot in which they are; empty after an end on purpose


def clocks() -> Now:
    """The wall's clock, and one that goes on while the host sleeps."""
    steady = getattr(time, "CLOCK_BOOTTIME", None)
    return Now(time.time(), time.monotonic() if steady is None else time.clock_gettime(steady))


@dataclass
class _Plan:
    managed: Managed
    schedule: Schedule
    table: Timetable


@dataclass(frozen=True)
class _Due:
    plan: _Plan
    at: float
    waits: bool  # one that was due earlier has not begun


class Scheduling:
    """Knows the timetables of all instances that a schedule runs."""

    def __init__(
        self,
        scheduled: Scheduled,
        dues: Dues,
        conductor: Conductor,
        memory: Memory,
        *,
        clock: Callable[[], Now] = clocks,
    ) -> None:
        self._scheduled = scheduled
        self._dues = dues
        self._memory = memory
        self._clock = clock
        self._plans: dict[int, _Plan] = {}
        self._followed = False
        self._woken = asyncio.Event()
        conductor.after_change.append(self._changed)

    # -- following the configuration -------------------------------------------------------

    async def begin(self) -> None:
        """Follow the schedules from now on; each goes on where an earlier daemon was with it."""
        mark = f"boot {boot_id()}".encode()
        started = await self._memory.value(MARK) != mark
        await self._memory.set_value(MARK, mark)
        self._followed = True
        for managed, schedule in self._scheduled.instances():
            if managed.generation >= managed.owed:
                managed.owed = 0  # it had begun
            owed = managed.owed and managed.phase in ENDED
            kept = managed.next_run if same_times(managed.entry.spec.schedule, schedule) else None
            at_once = owed or (schedule.at_start and started)
            self._plan(managed, schedule, self._clock().wall if at_once else kept)
        for managed in self._scheduled.with_a_next_run():
            if managed.seq not in self._plans:  # the daemon before was killed as it ended that schedule
                self._forget(managed)
        self._woken.set()

    def refresh(self) -> None:
        """The configuration changed, or what is enabled: a schedule that did not goes on."""
        if not self._followed:
            return
        wanted = {managed.seq: (managed, schedule) for managed, schedule in self._scheduled.instances()}
        for seq in self._plans.keys() - wanted.keys():
            self._forget(self._plans.pop(seq).managed)
        for seq, (managed, schedule) in wanted.items():
            plan = self._plans.get(seq)
            if plan is not None and same_times(plan.schedule, schedule):
                plan.schedule = schedule
            else:
                fresh = plan is None and managed.generation == 0
                self._plan(managed, schedule, self._clock().wall if fresh and schedule.at_start else None)
        self._woken.set()

    def close(self) -> None:
        """The daemon goes down on purpose: nothing is begun any more."""
        if self._followed:
            self._followed = False
            self._plans.clear()
            self._memory.note_value(MARK, b"")

    def _plan(self, managed: Managed, schedule: Schedule, kept: float | None) -> None:
        now = self._clock()
        plan = self._plans[managed.seq] = _Plan(managed, schedule, timetable(schedule, now, kept))
        managed.next_run = plan.table.next_run(now)
        self._scheduled.refresh(managed)
        self._memory.note(managed.record())

    def _forget(self, managed: Managed) -> None:
        managed.next_run, managed.owed = None, 0
        self._memory.note(managed.record())

    # -- beginning runs --------------------------------------------------------------------

    async def run(self) -> None:
        """Look whenever a run is due, something changed, or the clock may have jumped."""
        while True:
            self._woken.clear()
            wait = await self._guarded_look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()

    async def _guarded_look(self) -> float | None:
        """Look; how long to wait for the next time."""
        try:
            await self.look()
            return self._wait()
        except Exception:  # a bug in a schedule must not end the daemon
            log.exception("schedules were not followed; they are looked at again")
            return LOOK_SECONDS

    def _wait(self) -> float | None:
        now = self._clock()
        waits = [plan.table.next_run(now) - now.wall for plan in self._plans.values()]
        return max(min(*waits, LOOK_SECONDS), 0.0) if waits else None

    def _changed(self, managed: Managed) -> None:
        """A run that waits for the end of this one may begin."""
        if managed.owed and managed.phase in ENDED:
            self._woken.set()

    async def look(self) -> None:
        """Begin what is due now, and what waited for the end of a run that has ended."""
        waiting = [plan for plan in self._plans.values() if plan.managed.owed]
        dues = self._due()
        await self._write_down([due.plan.managed for due in dues if not due.waits])
        for due in dues:
            await self._guarded(due.plan, due)
        for plan in waiting:
            if plan.managed.owed:
                await self._guarded(plan, None)

    def _due(self) -> list[_Due]:
        now, found = self._clock(), []
        for plan in self._plans.values():
            managed, at = plan.managed, plan.table.due(now)
            if at is not None:
                found.append(_Due(plan, at, waits=managed.owed > 0 and managed.phase not in ENDED))
            shown, next_run = managed.next_run, plan.table.next_run(now)
            if at is not None or shown is None or abs(shown - next_run) > SHOWN_SECONDS:
                managed.next_run = next_run
        return found

    async def _write_down(self, owing: list[Managed]) -> None:
        """What is due is owed from now on, whatever becomes of this daemon."""
        for managed in owing:
            managed.owed = managed.generation + 1
        kept = [self._memory.keep(managed.record()) for managed in owing]
        for answer in await asyncio.gather(*kept, return_exceptions=True):
            if isinstance(answer, StoreError):
                log.error("a run begins that may be repeated if this daemon is killed: %s", answer)
            elif isinstance(answer, BaseException):
                raise answer

    async def _guarded(self, plan: _Plan, due: _Due | None) -> None:
        managed = plan.managed
        if self._plans.get(managed.seq) is not plan:
            return  # the configuration changed meanwhile
        try:
            if due is None:
                self._dues.resume(managed)
            else:
                await self._dues.answer(managed, Overlap(plan.schedule.overlap), due.at, waits=due.waits)
        except Exception:  # a bug in the run of one app must not stop its neighbours
            log.exception("seq=%d: a run that was due is left out", managed.seq)
            managed.owed = 0
