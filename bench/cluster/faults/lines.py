"""What the apps wrote of themselves, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

ORDINARY = 0  # the fence of an app that has none


class Line(NamedTuple):
    """One app said that it runs."""

    host: str
    app: str
    fence: int
    pid: int
    at: float


class Run(NamedTuple):
    """One process of an app, from its first line to its last."""

    host: str
    app: str
    fence: int
    pid: int
    began: float
    last: float


def parsed(text: str) -> list[Line]:
    """The lines that are whole."""
    rows = (row.split() for row in text.split("\n")[:-1])
    return [Line(host, app, int(fence), int(pid), float(at)) for host, app, fence, pid, at in rows]


def runs(lines: Iterable[Line]) -> list[Run]:
    """Every process that spoke, by its first line."""
    found: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    for line in lines:
        began, last = found.get(line[:4], (line.at, line.at))
        found[line[:4]] = min(began, line.at), max(last, line.at)
    return sorted((Run(*key, *span) for key, span in found.items()), key=lambda run: run.began)


def two_with_one_fence(found: Sequence[Run]) -> int:
    """How many pairs of processes of one app had the same fence at the same time."""
    exclusive = [run for run in found if run.fence != ORDINARY]
    return sum(
        first.app == second.app
        and first.fence == second.fence
        and first.began <= second.last
        and second.began <= first.last
        for first, second in combinations(exclusive, 2)
    )


def overlap_s(found: Sequence[Run], apps: Iterable[str], awake: float = 0.0) -> float:
    """The longest time that an older fence of one of these apps still spoke beside a newer one.

    What was frozen until `awake` is asked from then on only.
    """
    longest = 0.0
    for app in apps:
        of_app = [run for run in found if run.app == app and run.fence != ORDINARY]
        for older, newer in combinations(sorted(of_app, key=lambda run: run.fence), 2):
            if older.fence < newer.fence:
                longest = max(longest, older.last - max(newer.began, awake))
    return longest


def spoken_after(lines: Iterable[Line], newer_than: float) -> dict[tuple[str, str], Line]:
    """The last line of each app on each host, of those that spoke later than that."""
    return {(line.host, line.app): line for line in lines if line.at > newer_than}


def stopped(
    found: Iterable[Run], *, since: float, at: float, silent_s: float, but: frozenset[str]
) -> list[str]:
    """Ordinary apps that ran at `since` and ended before `at`, on other hosts than those."""
    return [
        f"{run.host}/{run.app}"
        for run in found
        if run.fence == ORDINARY
        and run.host not in but
        and run.began <= since <= run.last + silent_s
        and run.last < at - silent_s
    ]


def elsewhere_s(found: Sequence[Run], *, victim: str, at: float, until: float) -> float | None:
    """How long it took until all exclusive apps that ran on the victim ran on others; None: never."""
    longest = 0.0
    for run in found:
        if run.host == victim and run.fence != ORDINARY and run.began <= at <= run.last + 1.0:
            later = [
                one.began - at
                for one in found
                if one.app == run.app and one.fence > run.fence and one.host != victim and one.began < until
            ]
            if not later:
                return None
            longest = max(longest, min(later))
    return longest or None
