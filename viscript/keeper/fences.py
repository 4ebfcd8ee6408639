"""Ends apps whose lease was not kept, daemon or not. Without such apps it costs nothing."""

import contextlib
import signal
from collections.abc import Callable
from typing import Final, Protocol

from viscript.keeper.fence import ASK, HOLDS, KILL_S, Fence, boottime, is_of_now, kept_at, mark_asked, rung
from viscript.keeper.instance import Instance, StopPlan
from viscript.keeper.loop import Loop, Timer
from viscript.keeper.policy import CONDEMNED
from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.table import IDLE, STOPPING, Phase

LOOK_S: Final = 0.25


class Signals(Protocol):
    """Who reaches whole trees."""

    def signal(self, instance: Instance) -> None:
        """SIGTERM to those that did not get it yet, this turn."""

    def kill(self, instance: Instance) -> None:
        """SIGKILL to all, this turn."""


class Lives(Protocol):
    """Who carries out what a look decides."""

    apps: dict[int, Instance]

    @property
    def trees(self) -> Signals:
        """The trees of all apps."""

    def stop(self, instance: Instance, plan: StopPlan, *, kill: bool = False) -> None:
        """Begin a stop, or go on faster with one."""


class Fences:
    """Knows when each lease was kept; looks again while an app that is not idle has one."""

    def __init__(
        self,
        loop: Loop,
        lives: Lives,
        tell: Callable[[str, Json], None],
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._loop = loop
        self._lives = lives
        self._tell = tell
        self._clock = clock
        self._kept: dict[str, float] = {}
        self._timer: Timer | None = None

    def admit(self, fence: Fence | None) -> None:
        """Raises `Refusal` `lease-lost` unless its lease is kept; an app without a fence may always run."""
        if fence is None:
            return
        if not is_of_now(fence.file) or rung(self._look_up(fence), self._clock()) != HOLDS:
            raise Refusal("lease-lost", f"this host's lease on {fence.key} is not kept any more")
        self.watch()

    def watch(self) -> None:
        """Look from now on, as long as there is anything to look at."""
        if self._timer is None:
            self._timer = self._loop.after(LOOK_S, self._look)

    def look_at(self, app: Instance) -> None:
        """Judge an app at once, when a run of it has ended: one whose lease was not kept begins no other."""
        if app.spec.fence is not None:
            self._judge(app, app.spec.fence, self._clock())

    def _look(self) -> None:
        self._timer = None
        alive = [app for app in self._lives.apps.values() if app.phase not in IDLE]
        fenced = [(app, fence) for app in alive if (fence := app.spec.fence or app.held) is not None]
        now = self._clock()
        for app, fence in fenced:
            self._judge(app, fence, now)
        self._kept = {file: self._kept[file] for file in {fence.file for _, fence in fenced}}
        if fenced:
            self.watch()

    def _look_up(self, fence: Fence) -> float:
        kept = self._kept[fence.file] = kept_at(fence.file, self._kept.get(fence.file, 0.0))
        return kept

    def _judge(self, app: Instance, fence: Fence, now: float) -> None:
        kept = self._look_up(fence)
        due = rung(kept, now)
        if due == HOLDS or _is_ending(app.phase, due):
            return
        if app.spec.fence is None and app.phase not in STOPPING:
            self._fail(app, fence, now - kept, kill=due != ASK)
            return
        app.relaunch = None
        if app.phase not in STOPPING:
            self._announce(app, fence, now - kept)
        if due == ASK:
            with contextlib.suppress(OSError):  # then the warden asks too
                mark_asked(fence.file, kept)
        self._lives.stop(app, self._plan(app, grace=max(kept + KILL_S - now, 0.0)), kill=due != ASK)

    def _fail(self, app: Instance, fence: Fence, age: float, *, kill: bool) -> None:
        """A run that had a lock has failed; the policy decides on the next one."""
        if app.pid is None:
            return  # what is left of it is being cleared
        if app.condemned == "":
            app.condemned = CONDEMNED
            fields = {"seq": app.seq, "gen": app.gen, "pid": app.pid, "key": fence.key}
            self._tell("lock_lost", {**fields, "age": round(age, 3)})
            self._lives.trees.signal(app)
        if kill:
            self._lives.trees.kill(app)

    def _announce(self, app: Instance, fence: Fence, age: float) -> None:
        app.ousted = True
        fields = {"seq": app.seq, "gen": app.gen, "pid": app.pid, "key": fence.key, "lease": fence.lease}
        self._tell("lease_lost", {**fields, "age": round(age, 3)})

    def _plan(self, app: Instance, *, grace: float) -> StopPlan:
        plan = StopPlan(ask=0.0, signum=signal.SIGTERM, grace=grace, tree=True, began=self._loop.now())
        if app.plan is not None:
            plan.signum = app.plan.signum
        return plan


def _is_ending(phase: Phase, due: str) -> bool:
    """Whether the rung that is due was reached already."""
    return phase is Phase.KILLING or (due == ASK and phase is Phase.TERMING)
