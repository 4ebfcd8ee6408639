"""Events on their way to the store: gathered for a moment, written together; and those of a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from viscript.events import Event, EventLog
from viscript.store.memory import Memory

GATHER_SECONDS: Final = 0.2


class EventKeeping:
    """Listens to the event log and notes what it hears."""

    def __init__(self, events: EventLog, memory: Memory) -> None:
        self._memory = memory
        self.also: Callable[[], None] = lambda: None  # what is to be written with the events
        self._heard: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._stop = events.listen(self._hear)

    def _hear(self, event: Event) -> None:
        self._heard.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self.write)

    def write(self) -> None:
        """Hand over what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heard:
            self._memory.note_events(self._heard)
            self._heard = []
            self.also()

    def close(self) -> None:
        """Write the rest and listen no more."""
        self._stop()
        self.write()


def tell_of_room(memory: Memory, events: EventLog) -> None:
    """A full disk is an event, and so is its end; from now on, and if it is full already."""
    loop = asyncio.get_running_loop()

    def tell(full: str) -> None:
        kind = "store.full" if full else "store.saved"
        events.tell(kind, "daemon", now=time.time(), reason=full)

    def hear(full: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(tell, full)

    full = memory.hear_of_room(hear)
    if full:
        tell(full)
