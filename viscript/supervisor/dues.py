"""What becomes of a run that is due: it begins, waits, takes the place of the one before, or is left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from viscript.events import EventLog
from viscript.store.memory import Memory
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.overlap import MOVES, Move, Overlap
from viscript.supervisor.renewing import Renewing
from viscript.supervisor.roster import ENDED

ACTOR: Final = "schedule"
LATE_SECONDS: Final = 10.0  # a run that begins later than so is said to be made up for


class Dues:
    """Answers runs that are due; `owed` of an instance says that one has not begun yet."""

    def __init__(
        self, renewing: Renewing, memory: Memory, events: EventLog, now: Callable[[], float]
    ) -> None:
        self._renewing = renewing
        self._memory = memory
        self._events = events
        self._now = now

    async def answer(self, managed: Managed, overlap: Overlap, due: float, *, waits: bool) -> None:
        """A run is due; `waits`: one that was due earlier has not begun."""
        match MOVES[overlap, managed.phase]:
            case Move.BEGIN:
                self._begin(managed, due)
            case Move.REPLACE:
                await self._replace(managed, due)
            case Move.WAIT if not waits:
                self._tell("app.scheduled", managed, due, reason=self._words(due), waits=True)
            case Move.WAIT:
                self._skip(managed, due, "another that was due earlier is still waiting", owed=managed.owed)
            case Move.LEAVE_OUT:
                self._skip(managed, due, f"the run before is still {managed.state}")

    def resume(self, managed: Managed) -> None:
        """Look at a run that waits: it begins when the one before has ended by itself."""
        if managed.phase is Phase.STOPPED:
            self._skip(managed, self._now(), "the run before, whose end it waited for, was stopped")
        elif managed.phase in ENDED:
            self._begin(managed, self._now())
        else:
            managed.owed = managed.generation + 1

    def _begin(self, managed: Managed, due: float) -> None:
        managed.owed = 0
        reason = self._words(due)
        self._tell("app.scheduled", managed, due, reason=reason, waits=False)
        self._renewing.begin(managed, reason, ACTOR)

    async def _replace(self, managed: Managed, due: float) -> None:
        managed.owed = 0
        obstacle = await self._renewing.obstacle(managed)
        if obstacle:
            self._skip(managed, due, f"the run before goes on, since it could not come up again: {obstacle}")
            return
        reason = self._words(due)
        self._tell("app.scheduled", managed, due, reason=reason, waits=False)
        self._renewing.again(managed, reason, ACTOR)

    def _skip(self, managed: Managed, due: float, why: str, *, owed: int = 0) -> None:
        managed.owed = owed
        self._tell("app.skipped", managed, due, reason=why)
        self._memory.note(managed.record())

    def _words(self, due: float) -> str:
        made_up = ", made up for" if self._now() - due > LATE_SECONDS else ""
        return f"due {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(due))}{made_up}"

    def _tell(self, kind: str, managed: Managed, due: float, **told: Any) -> None:  # Any: as `EventLog.tell`
        self._events.tell(
            kind,
            f"app/{managed.seq}",
            now=self._now(),
            actor=ACTOR,
            name=managed.name,
            due=due,
            next_run=managed.next_run,
            **told,
        )
