"""When a scheduled app runs next. Pure: what the clocks show comes in, what is due comes out.

The wall's clock may jump; the steady one never does, and it goes on while the host sleeps. `cron` goes by the
wall. A jump forward of up to three hours makes up for what it left out, once; a jump back of so much repeats
nothing. A longer one is a clock that was wrong before: it is gone by from now on, and nothing is made up for.
`every` goes by the steady clock.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from viscript.config.cron import Cron
from viscript.config.model import Schedule
from viscript.config.zones import find_zone

JUMP_SECONDS: Final = 2.0  # the clocks differ by more than so much from one look to the next
CORRECTION_SECONDS: Final = 3 * 3600.0


class Now(NamedTuple):
    """What the clocks show, in seconds."""

    wall: float
    steady: float


class Timetable(Protocol):
    """The next run of one instance."""

    def due(self, now: Now) -> float | None:
        """When a run was due that was not told before; several that were missed are told as one."""

    def next_run(self, now: Now) -> float:
        """The wall's time of the next run."""


def timetable(schedule: Schedule, now: Now, kept: float | None = None) -> Timetable:
    """The timetable from `now` on; `kept` is the next run as it was planned before the daemon went away."""
    if schedule.every is not None:
        return ByInterval(schedule.every, now, kept)
    return ByCron(Cron(schedule.cron or "", find_zone(schedule.timezone)), now, kept)


def same_times(one: Schedule | None, other: Schedule) -> bool:
    """Whether both run at the same times; `overlap` and `at_start` change none."""
    if one is None:
        return False
    return (one.cron, one.every, one.timezone) == (other.cron, other.every, other.timezone)


class ByCron:
    """By the wall's clock."""

    def __init__(self, cron: Cron, now: Now, kept: float | None) -> None:
        self._cron = cron
        self._answered = float("-inf")
        self._apart = now.wall - now.steady
        near = kept is not None and kept <= now.wall + CORRECTION_SECONDS
        self._next = kept if near and kept is not None else cron.after(now.wall)

    def due(self, now: Now) -> float | None:
        """See `Timetable`."""
        self._follow_jump(now)
        if now.wall < self._next:
            return None
        self._answered = self._next
        self._next = self._cron.after(now.wall)
        return self._answered

    def _follow_jump(self, now: Now) -> None:
        apart, self._apart = self._apart, now.wall - now.steady
        jump = self._apart - apart
        if abs(jump) <= JUMP_SECONDS or (self._next <= now.wall and jump <= CORRECTION_SECONDS):
            return
        repeats = 0 < self._answered - now.wall <= CORRECTION_SECONDS
        self._next = self._cron.after(self._answered if repeats else now.wall)

    def next_run(self, now: Now) -> float:
        """See `Timetable`."""
        return self._next


class ByInterval:
    """By what has passed."""

    def __init__(self, every: float, now: Now, kept: float | None) -> None:
        self._every = every
        wait = every if kept is None else min(kept - now.wall, every)
        self._next = now.steady + wait

    def due(self, now: Now) -> float | None:
        """See `Timetable`."""
        late = now.steady - self._next
        if late < 0:
            return None
        self._next += self._every * (late // self._every + 1)
        return now.wall - late

    def next_run(self, now: Now) -> float:
        """See `Timetable`."""
        return now.wall + self._next - now.steady
