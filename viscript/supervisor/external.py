"""Programs that nobody launched and that joined the bus by themselves, where the configuration lets them.

They have an id like any app and are shown, pinged, called and asked to end. The keeper knows
nothing of them: nobody restarts them, and their output is their own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Final

from viscript.config.model import App
from viscript.supervisor.api import AppEntry
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.processes import alive
from viscript.supervisor.stopping import AsksShutdown, StopOrder
from viscript.supervisor.supervisor import Supervisor

SOURCE: Final = "external"
POLL_SECONDS: Final = 0.05
MOST: Final = 1_000  # who floods us with strangers is refused


def is_external(managed: Managed) -> bool:
    """Whether nobody launched it."""
    return managed.entry.source == SOURCE


class Externals:
    """Takes strangers in, and sees them off."""

    def __init__(self, supervisor: Supervisor, conductor: Conductor, ask_shutdown: AsksShutdown) -> None:
        self._supervisor = supervisor
        self._conductor = conductor
        self._ask_shutdown = ask_shutdown

    def admit(self, name: str, pid: int | None) -> Managed | None:
        """A new id for a stranger; None when there are too many."""
        held = self._conductor.managed.values()
        if sum(1 for m in held if is_external(m) and m.phase is Phase.RUNNING) >= MOST:
            return None
        chosen = name or SOURCE
        spec = App(command=(chosen,), desc="joined by itself", daemon=True)
        entry = AppEntry(name=chosen, source=SOURCE, spec=spec, argv=(chosen,))
        managed = self._supervisor.roll.create(entry, ())
        self.welcome_back(managed, pid)
        return managed

    def welcome_back(self, managed: Managed, pid: int | None) -> None:
        """It is here: for the first time, or again after one of us was away."""
        managed.pid, managed.started_at = pid, self._conductor.now()
        managed.generation = max(managed.generation, 1)
        self._conductor.adopt(managed, Phase.RUNNING, reason="", cause="")

    def left(self, managed: Managed) -> None:
        """It is on the bus no more, and nobody else watches it."""
        self._conductor.fire(managed, Trigger.LOST, reason="it left the bus", cause="left")

    def ladder(self, managed: Managed, order: StopOrder) -> None:
        """Ask it to end; signal its process when it does not and we may."""
        self._conductor.task(managed, lambda: self._climb(managed, order))

    async def _climb(self, managed: Managed, order: StopOrder) -> None:
        grace = managed.entry.spec.stop.grace if order.grace is None else order.grace
        pid = managed.pid
        managed.rung = "kill"
        if not order.now:
            managed.rung = "bus"
            await self._ask_shutdown(managed.seq, grace)
            if not await _gone(managed, pid, grace):
                managed.rung = "term"
                _signal(pid, signal.SIGTERM)
                await _gone(managed, pid, grace)
        if pid is not None and alive(pid):
            managed.rung = "kill"
            _signal(pid, signal.SIGKILL)
            await _gone(managed, pid, 1.0)
        self._conductor.fire(managed, Trigger.GONE, reason="stopped")


async def _gone(managed: Managed, pid: int | None, seconds: float) -> bool:
    """Whether it left within the time: its process where it is ours to see, else its place on the bus."""
    try:
        async with asyncio.timeout(seconds):
            while alive(pid) if pid is not None else managed.registered:  # noqa: ASYNC110 (no child of ours)
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _signal(pid: int | None, number: signal.Signals) -> None:
    """Signal a process of this host; one of another user or host is left to itself."""
    try:
        if pid is not None:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
