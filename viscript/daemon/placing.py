"""Apps of config.yaml that the cluster runs: this host orders them, and goes on looking that it is so.

Looked at when the daemon starts, at `apply`, and every few seconds: a cluster, a role, or a store that hosts
share may come later. An order that stands as the file says is left alone, so a daemon that starts anew, or a
second host with the same file, gives none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from viscript.config.loader import Loaded
from viscript.config.model import is_placed
from viscript.config.plan import by_file
from viscript.daemon.world import World
from viscript.errors import ViscriptError
from viscript.events import Event
from viscript.statestore.errors import StateStoreError
from viscript.store.memory import Memory
from viscript.supervisor.api import FAILED, AppEntry, PlanStep
from viscript.supervisor.catalogue import catalogue
from viscript.verbs.wishes import why_not

if TYPE_CHECKING:
    from viscript.cluster.desired.filed import Around, Verdict, Wish
    from viscript.cluster.desired.record import Deployment

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
FILED: Final = "desired.filed"

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Fields = dict[str, Any]  # Any: the fields of a Deployment


class Placing:
    """`withheld` are the apps that are not ordered as the file says, and why."""

    def __init__(self, world: World, memory: Memory, run: Run) -> None:
        self.withheld: dict[str, str] = {}
        self._world = world
        self._memory = memory
        self._run = run
        self._filed: frozenset[str] = frozenset()
        self._again = False
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Read what this host's file ordered before, and begin."""
        self._filed = _names(await self._memory.value(FILED))
        self._unlisten = self._world.events.listen(self._hear)
        self._task = self._run(self._look_on())

    async def close(self) -> None:
        """Look no more."""
        self._unlisten()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def steps(self, loaded: Loaded) -> list[PlanStep]:
        """What applying this configuration would order; touches nothing."""
        apps = catalogue(loaded, self._world.plugins.apps())
        if self._world.desired is None:
            return self._nowhere(apps, why_not(self._world))
        return [_step(verdict) for verdict in self._judged(apps, bool(loaded.config.apps), again=True)]

    async def settle(self, *, again: bool = False) -> list[PlanStep]:
        """Order what the active configuration says; `again` also what was taken away by hand."""
        async with self._turn:
            apps = self._world.supervisor.apps()
            if self._world.desired is None:
                steps = self._nowhere(apps, why_not(self._world))
            else:
                steps = await self._ordered(apps, again=again)
            self._tell(steps)
            return steps

    async def order(self, app: str) -> PlanStep:
        """Order one app, as `start` asks; an order that stands is left as it is."""
        from viscript.cluster.desired.filed import judged, wish_of

        async with self._turn:
            wish = replace(wish_of(self._world.supervisor.find_app(app)), by_itself=True)
            around = self._around(again=True)
            verdict = judged(wish, around)
            try:
                step = await self._order(verdict, wish, around)
            except StateStoreError as exc:
                return _undone(verdict, exc)
            self._remember({wish.app, *self._filed})
            return step

    # -- when

    def _hear(self, event: Event) -> None:
        if event.type == "config.applied":
            self._again = True  # at the next look: what the file has run here no more is being stopped

    async def _look_on(self) -> None:
        while True:
            again, self._again = self._again, False
            try:
                if self._matters():
                    await self.settle(again=again)
            except Exception:  # a fault in one look must not end all that follow
                log.exception("what the configuration has the cluster run was not looked at")
            await asyncio.sleep(LOOK_S)

    def _matters(self) -> bool:
        apps = self._world.config().apps.values()
        return self._world.desired is not None or any(map(is_placed, apps)) or bool(self.withheld)

    # -- what

    def _nowhere(self, apps: Mapping[str, AppEntry], why: str) -> list[PlanStep]:
        """Nothing can be ordered; an app that is ordered by `start` alone waits for that anyway."""
        placed = [entry for entry in apps.values() if is_placed(entry.spec) and entry.spec.autostart]
        return [_failed("add", entry.name, why) for entry in placed]

    def _judged(self, apps: Mapping[str, AppEntry], may_withdraw: bool, *, again: bool) -> list[Verdict]:
        from viscript.cluster.desired.filed import judge, wishes

        return judge(wishes(apps), self._around(again=again), may_withdraw=may_withdraw)

    def _around(self, *, again: bool) -> Around:
        from viscript.cluster.desired.filed import Around

        side, _ = self._world.desired
        trust = side.trust()
        return Around(
            me=side.me,
            held=side.mirror.book.all_deployments(),
            now=time.time(),
            believed=lambda signer: trust is not None and trust.believes(signer),
            name_of=side.label,
            filed=self._filed,
            again=again,
        )

    async def _ordered(self, apps: Mapping[str, AppEntry], *, again: bool) -> list[PlanStep]:
        from viscript.cluster.desired.filed import wishes

        wanted = {wish.app: wish for wish in wishes(apps)}
        around = self._around(again=again)
        verdicts = self._judged(apps, bool(self._world.config().apps), again=again)
        steps: list[PlanStep] = []
        try:
            for verdict in verdicts:
                step = await self._order(verdict, wanted.get(verdict.app), around)
                steps.append(step)
        except StateStoreError as exc:  # each of the others would be waited for as long, and in vain
            steps += [_undone(verdict, exc) for verdict in verdicts[len(steps) :]]
        self._remember(wanted)
        return steps

    async def _order(self, verdict: Verdict, wish: Wish | None, around: Around) -> PlanStep:
        """By what is held when it is written; another may have been faster. Raises `StateStoreError`."""
        from viscript.cluster.desired.filed import Act, decide

        if verdict.act is Act.LEAVE:
            return _step(verdict)
        if verdict.act is Act.ORDER and (here := self._here(verdict.app)):
            return _failed(
                verdict.act.value, verdict.app, f"{here} runs here by itself still; `apply` ends that"
            )
        _, ordering = self._world.desired
        found = [verdict]

        def decided(held: Deployment | None) -> Fields | None:
            found[0], fields = decide(verdict, wish, held, around)
            return fields

        try:
            await ordering.file(verdict.app, decided)
        except StateStoreError:
            raise
        except ViscriptError as exc:
            return _undone(verdict, exc)
        if found[0].act is not Act.LEAVE:
            self._note("order.given", verdict.app, found[0].reason)
        return _step(found[0])

    def _here(self, app: str) -> str:
        """Which of it runs here since the file was another one: with an order it would run twice."""
        found = by_file(app, self._world.supervisor.instances())
        return ", ".join(str(instance.seq) for instance in found)

    def _remember(self, wanted: Collection[str]) -> None:
        """Which apps this file has ordered, so that one taken away by hand stays away."""
        side, _ = self._world.desired
        held = side.mirror.book.all_deployments()
        ours = {app for app in wanted if app in held and held[app].file == side.me}
        filed = frozenset(ours | (self._filed & set(wanted)))
        if filed != self._filed:
            self._filed = filed
            self._memory.note_value(FILED, msgspec.msgpack.encode(sorted(filed)))

    # -- telling

    def _tell(self, steps: list[PlanStep]) -> None:
        """What does not stand as the file says is an event, once for each reason."""
        before = self.withheld
        self.withheld = {step.app: step.reason.removeprefix(FAILED) for step in steps if step.withheld}
        for app, reason in self.withheld.items():
            if before.get(app) != reason:
                log.warning("app=%s does not stand in the cluster as the configuration says: %s", app, reason)
                self._note("order.withheld", app, reason)

    def _note(self, kind: str, app: str, reason: str) -> None:
        self._world.events.tell(kind, f"deployment/{app}", now=time.time(), reason=reason)


def _step(verdict: Verdict) -> PlanStep:
    """What a verdict says, as a line of a plan."""
    return PlanStep(
        action=verdict.act.value, app=verdict.app, reason=verdict.reason, withheld=verdict.contested
    )


def _undone(verdict: Verdict, exc: ViscriptError) -> PlanStep:
    """What could not be done; what was to be left is."""
    return _step(verdict) if verdict.act == "unchanged" else _failed(verdict.act.value, verdict.app, str(exc))


def _failed(action: str, app: str, why: str) -> PlanStep:
    """It was to be done, and was not."""
    return PlanStep(action=action, app=app, reason=f"{FAILED}{why}", withheld=True)


def _names(data: bytes | None) -> frozenset[str]:
    try:
        return frozenset(msgspec.msgpack.decode(data or b"\x90", type=list[str]))
    except (msgspec.MsgspecError, ValueError):
        log.error("what the configuration ordered before is not understood; all of it is looked at anew")
        return frozenset()
