"""What the kernel is told to hold an app below, as a cgroup's files have it. Pure.

A ceiling stands a quarter above the limit it belongs to: the limit is watched from outside and acted on with
a reason; the ceiling only keeps an app from running away between two looks.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

_PERIOD_US: Final = 100_000
_LEAST_QUOTA_US: Final = 1_000  # the kernel takes no less
_SLACK: Final = 1.25


class Ceilings(NamedTuple):
    """None: as much as it likes. `cpu` is in percent of one core."""

    memory: int | None = None
    cpu: float | None = None
    threads: int | None = None


def files_of(ceilings: Ceilings) -> Iterator[tuple[str, str]]:
    """Each file and what belongs into it; a ceiling that is no more is lifted."""
    yield "memory.max", _whole(ceilings.memory)
    yield "memory.oom.group", "0" if ceilings.memory is None else "1"
    yield "cpu.max", f"{_quota(ceilings.cpu)} {_PERIOD_US}"
    yield "pids.max", _whole(ceilings.threads)


def _whole(limit: int | None) -> str:
    return "max" if limit is None else str(int(limit * _SLACK))


def _quota(percent: float | None) -> str:
    if percent is None:
        return "max"
    return str(max(int(percent / 100 * _SLACK * _PERIOD_US), _LEAST_QUOTA_US))
