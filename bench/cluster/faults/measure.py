"""One case: apps run and changes are ordered, the fault is done and mended, and what was seen of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from bench.cluster.faults.cases import BACK_S, FROZEN, Case, Verdict
from bench.cluster.faults.clock import now
from bench.cluster.faults.ground import LABELS, MARK, POOL_COUNT, SOLOS, Ground, Place
from bench.cluster.faults.harm import HARMS
from bench.cluster.faults.lines import (
    ORDINARY,
    Run,
    elsewhere_s,
    overlap_s,
    runs,
    stopped,
    two_with_one_fence,
)
from bench.cluster.faults.watching import Watcher, first
from bench.cluster.faults.writing import Writer, stall_s, tally
from tests.support.wait import eventually

AROUND_S: Final = 2.0  # before the fault, and after all is well again
SILENT_S: Final = 2.0
KILLS: Final = frozenset({"kill", "power", "kill-with-leader"})
WHOLE: Final = frozenset({"host", "guest", "primary"})  # all of a host, with its apps
NORMAL_S: Final = 120.0
INSTANCES: Final = len(LABELS) + len(SOLOS) + POOL_COUNT


def measure(
    ground: Ground, case: Case, victim: Place, observer: Place, *, around_s: float = AROUND_S
) -> Verdict:
    """The figures of a case. Raises `AssertionError` when all is not well before it."""
    prepare(ground, victim, observer)
    before = ground.version(observer)
    with Writer(observer.caller, MARK) as writer, Watcher(observer, victim.label) as watcher:
        pause(around_s)
        began = now()
        with HARMS[case.target, case.fault](ground, victim):
            harmed = now()
            pause(case.hold_s)
            mending = now()
        back = returned(ground, observer, mending)
        pause(around_s)
        ended = now()
    found = runs(ground.lines())
    last = eventually(lambda: ground.version(observer), deadline_s=30)
    counted = tally(writer.tries, before, last)
    dies = case.target in WHOLE and case.fault in KILLS
    dead = frozenset({victim.label} if dies else ())
    gone = stopped(found, since=began, at=ended, silent_s=SILENT_S, but=dead)
    ended_elsewhere = exclusive_ended(found, victim.label, harmed, ended)
    why = stops(ground, victim) if ended_elsewhere else []
    why += [unwell(ground)] if back is None else []
    said = sorted({one.text for one in writer.tries if one.text})
    return Verdict(
        target=case.target, fault=case.fault, victim=victim.label,
        stall_s=round(stall_s(writer.tries, began, ended), 2),
        acknowledged=counted.acknowledged, lost=counted.lost,
        doubled=counted.doubled, unclear=counted.unclear,
        two_with_current_fence=two_with_one_fence(found),
        overlap_s=round(overlap_s(found, SOLOS, mending if case.fault in FROZEN else 0.0), 3),
        stopped=len(gone),
        exclusive_ended=ended_elsewhere,
        suspect_s=first(watcher.changes, "suspect", began),
        down_s=first(watcher.changes, "down", began),
        elsewhere_s=rounded(elsewhere_s(found, victim=victim.label, at=began, until=mending)),
        back_s=rounded(back),
        notes=[*why, *gone, *said[:5]],
    )  # fmt: skip


def stops(ground: Ground, victim: Place) -> list[str]:
    """Why apps of the hosts that nobody harmed are stopped, as those hosts tell it."""
    others = [place for place in ground.places.values() if place is not victim]
    return [
        f"{place.label} {event['object']} at {event['time']:.2f}: {event['reason']}"
        for place in others
        for event in place.rows("events", "-n", "40")
        if event["type"] == "app.stopping"
    ]


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def pause(seconds: float) -> None:
    """Let so much time pass."""
    time.sleep(seconds)


def exclusive_ended(found: Sequence[Run], victim: str, since: float, ended: float) -> int:
    """How many exclusive apps ended on hosts that nobody harmed."""
    return sum(
        run.fence != ORDINARY and run.host != victim and run.began <= since <= run.last < ended - SILENT_S
        for run in found
    )


def prepare(ground: Ground, victim: Place, observer: Place) -> None:
    """All is well, and an exclusive app runs on the host that is to be harmed."""
    eventually(lambda: is_well(ground), deadline_s=NORMAL_S, interval_s=0.3)
    ground.forget_lines()
    began = now()
    eventually(lambda: now() - began > 1.0)
    if not has_solo(ground, victim):
        observer.say("mv", f"{SOLOS[0]}", victim.label)
        eventually(
            lambda: any(one.host == victim.label and one.app in SOLOS for one in ground.lines()),
            deadline_s=60,
        )
        eventually(lambda: is_well(ground), deadline_s=NORMAL_S, interval_s=0.3)
    ground.forget_lines()


def has_solo(ground: Ground, place: Place) -> bool:
    """Whether one of the exclusive apps has spoken there of late."""
    return any(one.host == place.label and one.app in SOLOS for one in ground.lines())


def returned(ground: Ground, observer: Place, mended: float) -> float | None:
    """Seconds until all is well; None when it is not in time."""
    try:
        eventually(lambda: is_well(ground), deadline_s=BACK_S, interval_s=0.3)
    except AssertionError:
        return None
    return now() - mended


def is_well(ground: Ground) -> bool:
    """Every host sees every host and follows the store, and every app speaks."""
    return not unwell(ground)


def unwell(ground: Ground) -> str:
    """What is not as it should be; empty when all is."""
    return _unseen(ground) or _not_running(ground) or _silent(ground)


def _unseen(ground: Ground) -> str:
    seen = {place.label: ground.sees(place) for place in ground.places.values()}
    wrong = {label: hosts for label, hosts in seen.items() if hosts != dict.fromkeys(LABELS, "up")}
    return f"hosts as they are seen: {wrong}" if wrong else ""


def _not_running(ground: Ground) -> str:
    """Every host sees every instance run, on the same host, under the same fence."""
    views = []
    for place in ground.places.values():
        rows = [row for row in place.rows("deploy", "ls") if row["app"] != MARK]
        wrong = [
            f"{row['app']}/{row['number']} {row['state']} on {row['host']}: {row['reason']}"
            for row in rows
            if row["state"] != "running"
        ]
        if wrong or len(rows) != INSTANCES:
            return f"as {place.label} sees it, of {len(rows)} instances: {'; '.join(wrong)}"
        views.append([(row["app"], row["number"], row["id"], row["fence"]) for row in rows])
    return "" if all(view == views[0] for view in views) else f"hosts do not see the same: {views}"


def _silent(ground: Ground) -> str:
    """Whether every app has spoken within a second."""
    late = now() - 1.0
    heard = {(one.host, one.app) for one in runs(ground.lines()) if one.last > late}
    wanted = {(label, f"{kind}-{label}") for label in LABELS for kind in ("plain", "pinned")}
    silent = sorted(f"{host}/{app}" for host, app in wanted - heard)
    for app in SOLOS:
        count = sum(one == app for _, one in heard)
        silent += [f"{app} {count} times"] * (count != 1)
    return f"silent: {', '.join(silent)}" if silent else ""
