"""`why`: look at the host for what explains the state of one instance, and judge it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from viscript.diagnose import blocked
from viscript.diagnose.gather import Around, gather
from viscript.diagnose.judge import WhyReport, blaming, judge
from viscript.events import Event
from viscript.supervisor.api import Instance, World

__all__ = ["WhyReport", "explain", "investigate"]

_ACTORS: Final = {"local": "a user of this host"}


def explain(instance: Instance, world: World) -> WhyReport:
    """The report at once; looks at every process of the host when a port or a file may be taken."""
    return judge(instance, gather(instance, around(instance, world)))


async def investigate(instance: Instance, world: World) -> WhyReport:
    """The same, without holding up the event loop; with the cause of the one that it waits for."""
    report = await _investigated(instance, world)
    culprit = blocked.culprit(instance, world.supervisor.instances())
    if culprit is None:
        return report
    return blaming(report, culprit, await _investigated(culprit, world))


async def _investigated(instance: Instance, world: World) -> WhyReport:
    surroundings = around(instance, world)  # here: another thread must not read what the loop changes
    return judge(instance, await asyncio.to_thread(gather, instance, surroundings))


def around(instance: Instance, world: World) -> Around:
    """What the daemon knows beside the instance: who else runs, and what happened to this one."""
    history = _History.of(instance, world.events.last(1_000_000))
    leaders = {one.pid: one.seq for one in world.supervisor.instances() if one.pid is not None}
    return Around(
        now=world.now(),
        home=world.facts().home,
        leaders=leaders,
        run_started=instance.started_at or history.run_started,
        run_pid=instance.pid or history.run_pid,
        stopped_by=history.stopped_by,
    )


@dataclass
class _History:
    """What the event log tells of the last run and its stop."""

    run_started: float | None = None
    run_pid: int | None = None
    stopped_by: str = ""

    @classmethod
    def of(cls, instance: Instance, events: list[Event]) -> _History:
        """Read the newest events first, back to the start of the last run."""
        history = cls()
        subject = f"app/{instance.seq}"
        for event in reversed(events):
            if event.object != subject:
                continue
            if event.type in ("app.stopping", "app.stopped") and event.actor != "viscript":
                history.stopped_by = history.stopped_by or _ACTORS.get(event.actor, event.actor)
            if event.type == "app.starting" and event.data.get("pid") is not None:
                history.run_started, history.run_pid = event.time, event.data["pid"]
                break
        return history
