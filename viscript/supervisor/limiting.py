"""Watches what apps with limits use, twice a second, and acts on what is too much.

A run that is ended for its memory and grows on all the same is killed at once: it could take the host along.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from viscript.config.model import Limits
from viscript.events import EventLog
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.limits import NONE, Change, Figures, Watch

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
LIMITED: Final = "Limited"  # the condition
GROWS_ON: Final = 1.1  # times what it used when it was told to go
_ALIVE: Final = (Phase.STARTING, Phase.RUNNING, Phase.READY)

Measure = Callable[[Mapping[int, Limits]], Awaitable[Mapping[int, Figures]]]


class Limiting:
    """Holds what the looks before showed of each run."""

    def __init__(self, conductor: Conductor, keeper: Keeper, events: EventLog, measure: Measure) -> None:
        self._conductor = conductor
        self._keeper = keeper
        self._events = events
        self._measure = measure
        self._watches: dict[tuple[int, int], Watch] = {}
        self._going: dict[tuple[int, int], int] = {}  # ended for its memory: what it used then

    async def run(self) -> None:
        """Look for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(clock())
            except Exception:  # a fault in one look must not end all that follow
                log.exception("limits: one look failed")

    async def look(self, now: float) -> None:
        """One look at all that have limits."""
        limited = {seq: managed for seq, managed in self._conductor.managed.items() if _is_limited(managed)}
        runs = {(seq, managed.generation) for seq, managed in limited.items()}
        self._watches = {run: watch for run, watch in self._watches.items() if run in runs}
        self._going = {run: used for run, used in self._going.items() if run in runs}
        if not limited:
            return
        generations = {seq: managed.generation for seq, managed in limited.items()}
        found = await self._measure({seq: one.entry.spec.limits for seq, one in limited.items()})
        for seq, figures in found.items():
            managed = limited[seq]
            if managed.generation == generations[seq] and _is_limited(managed):
                self._judge(managed, figures, now)

    def _judge(self, managed: Managed, figures: Figures, now: float) -> None:
        run = managed.seq, managed.generation
        if managed.aborted is not None:
            self._press(run, figures)
            return
        watch = self._watches.setdefault(run, Watch())
        for change in watch.look(managed.entry.spec.limits, figures, now):
            self._tell(managed, change)
            self._conductor.condition(managed, LIMITED, watch.is_over, change.text)
            if change.over and change.limit.action != "warn":
                self._end(managed, change)
                return

    def _tell(self, managed: Managed, change: Change) -> None:
        data: dict[str, Any] = {"value": change.value, "max": change.limit.max, "over": change.over}
        self._events.tell(
            "app.limit",
            f"app/{managed.seq}",
            now=self._conductor.now(),
            reason=change.text,
            name=managed.name,
            generation=managed.generation,
            limit=change.kind,
            action=change.limit.action,
            **data,
        )
        log.info("seq=%d name=%s limit=%s: %s", managed.seq, managed.name, change.kind, change.text)

    def _end(self, managed: Managed, change: Change) -> None:
        """The run is a failure; the policy decides on the next one, unless this was the last."""
        if change.limit.action == "stop":
            self._keeper.tell("failed", seq=managed.seq, gen=managed.generation, last=True)
        if change.kind == "memory":
            self._going[managed.seq, managed.generation] = int(change.value)
        self._conductor.fire(managed, Trigger.LIMITED, reason=change.text, cause="limit")

    def _press(self, run: tuple[int, int], figures: Figures) -> None:
        used = self._going.get(run)
        if used is not None and figures.memory is not None and figures.memory > used * GROWS_ON:
            self._keeper.tell("signal", seq=run[0], signum=int(signal.SIGKILL), tree=True)


def _is_limited(managed: Managed) -> bool:
    return managed.pid is not None and managed.phase in _ALIVE and managed.entry.spec.limits != NONE
