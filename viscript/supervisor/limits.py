"""Is an app over its limits? Pure: figures and time in, what changed out.

    under -above-> rising -due-> over -below-> under

A limit without `for` is due at the first look above it.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from viscript.config.model import CountLimit, CpuLimit, Limits, MemoryLimit
from viscript.config.units import duration_text, size_text

Limit = MemoryLimit | CpuLimit | CountLimit

KINDS: Final = ("memory", "cpu", "fds", "threads")
_NAMES: Final = {
    "memory": "memory",
    "cpu": "cpu",
    "fds": "the number of open files",
    "threads": "the number of threads",
}
NONE: Final = Limits()


class Figures(NamedTuple):
    """What all processes of an app use together; None where nobody can tell. `cpu` in percent of one core."""

    memory: int | None = None
    cpu: float | None = None
    fds: int | None = None
    threads: int | None = None


class Level(StrEnum):
    """Where an app stands to one of its limits."""

    UNDER = "under"
    RISING = "rising"  # over it, not long enough yet
    OVER = "over"


class Sight(StrEnum):
    """What one look shows."""

    BELOW = "below"
    ABOVE = "above"
    DUE = "due"  # above for as long as it may be


TABLE: Final[dict[tuple[Level, Sight], Level]] = {
    (Level.UNDER, Sight.BELOW): Level.UNDER,
    (Level.UNDER, Sight.ABOVE): Level.RISING,
    (Level.UNDER, Sight.DUE): Level.OVER,
    (Level.RISING, Sight.BELOW): Level.UNDER,
    (Level.RISING, Sight.ABOVE): Level.RISING,
    (Level.RISING, Sight.DUE): Level.OVER,
    (Level.OVER, Sight.BELOW): Level.UNDER,
    (Level.OVER, Sight.ABOVE): Level.OVER,
    (Level.OVER, Sight.DUE): Level.OVER,
}


class Change(NamedTuple):
    """An app came over a limit, or is below it again."""

    kind: str
    over: bool
    value: float
    limit: Limit
    text: str


class Watch:
    """One run of one app."""

    def __init__(self) -> None:
        self._levels: dict[str, Level] = {}
        self._since: dict[str, float] = {}  # above it without a break

    def look(self, limits: Limits, figures: Figures, now: float) -> list[Change]:
        """What changed since the look before."""
        return [
            change
            for kind, limit, value in _given(limits, figures)
            if (change := self._one(kind, limit, value, now)) is not None
        ]

    @property
    def is_over(self) -> bool:
        """Whether it is over any."""
        return Level.OVER in self._levels.values()

    def _one(self, kind: str, limit: Limit, value: float, now: float) -> Change | None:
        before = self._levels.get(kind, Level.UNDER)
        after = self._levels[kind] = TABLE[before, self._sight(kind, limit, value, now)]
        if (before is Level.OVER) is (after is Level.OVER):
            return None
        over = after is Level.OVER
        return Change(kind, over, value, limit, words(kind, limit, value, over=over))

    def _sight(self, kind: str, limit: Limit, value: float, now: float) -> Sight:
        if value <= limit.max:
            self._since.pop(kind, None)
            return Sight.BELOW
        since = self._since.setdefault(kind, now)
        return Sight.DUE if now - since >= limit.for_ else Sight.ABOVE


def _given(limits: Limits, figures: Figures) -> Iterator[tuple[str, Limit, float]]:
    for kind in KINDS:
        limit: Limit | None = getattr(limits, kind)
        value: float | None = getattr(figures, kind)
        if limit is not None and value is not None:
            yield kind, limit, value


def words(kind: str, limit: Limit, value: float, *, over: bool) -> str:
    """A sentence for people."""
    now, most = amount(kind, value), amount(kind, limit.max)
    if not over:
        return f"{_NAMES[kind]}, {now}, is below its limit of {most} again"
    lasts = f" for {duration_text(limit.for_)}" if limit.for_ else ""
    return f"{_NAMES[kind]}, {now}, is over its limit of {most}{lasts}"


def amount(kind: str, value: float) -> str:
    """A figure with its unit."""
    if kind == "memory":
        whole = value >= 10 * (1 << 20) and round(value / (1 << 20)) << 20
        return size_text(int(whole or value))
    return f"{value:.0f}%" if kind == "cpu" else f"{value:.0f}"
