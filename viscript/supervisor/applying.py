"""Carries out an apply plan: only what changed is touched, dependents stop first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from viscript.config.loader import Loaded
from viscript.config.model import Config, starts_with_daemon
from viscript.config.plan import is_live, plan
from viscript.errors import ExitCode, VerbError
from viscript.supervisor import piped
from viscript.supervisor.api import FAILED, AppEntry, Instance, PlanStep
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import CannotStart
from viscript.supervisor.roster import ENDED
from viscript.supervisor.starting import Starting
from viscript.supervisor.supervisor import Supervisor

NAMED: Final = 3  # so many apps are named in a refusal


class Applying:
    """Knows the active configuration; moves the instances to the next one."""

    def __init__(
        self,
        supervisor: Supervisor,
        conductor: Conductor,
        keeper: Keeper,
        starting: Starting,
        *,
        plugin_apps: Callable[[], Mapping[str, AppEntry]],
    ) -> None:
        self._supervisor = supervisor
        self._conductor = conductor
        self._keeper = keeper
        self._starting = starting
        self._plugin_apps = plugin_apps
        self._before: dict[int, tuple[int, AppEntry, tuple[str, ...]]] = {}

    def steps(self, old: Loaded, new: Loaded) -> list[PlanStep]:
        """The plan from `old` to `new`; touches nothing."""
        instances = self._supervisor.instances(ended=True)
        running = _as_running(old.config, instances)
        known = self._plugin_apps().keys()
        left = _left_over(new, instances, {*known, *running.apps})
        return plan(
            piped.all_meant(running), piped.all_meant(new.config), instances, known=known, left_over=left
        )

    async def carry_out(self, steps: Sequence[PlanStep], actor: str) -> list[PlanStep]:
        """Do the steps, in order; the answer tells what failed in the reasons."""
        asked = {seq for step in steps if step.action == "restart" for seq in step.ids}
        self._before = {seq: self._as_it_runs(seq) for seq in asked if seq in self._conductor.managed}
        self._refresh_entries()
        done = []
        for step in steps:
            fault = await self._do(step, actor)
            done.append(PlanStep(action=step.action, app=step.app, ids=step.ids, reason=fault or step.reason))
        return done

    def _as_it_runs(self, seq: int) -> tuple[int, AppEntry, tuple[str, ...]]:
        managed = self._conductor.managed[seq]
        return managed.generation, managed.entry, managed.args

    def _put_back(self, seq: int) -> None:
        """What was to be restarted and runs on is what it was: the next plan sees that."""
        managed = self._conductor.managed.get(seq)
        if managed is None or seq not in self._before:
            return
        generation, entry, args = self._before[seq]
        if managed.generation == generation and managed.pid is not None:
            managed.entry, managed.args = entry, args

    def _refresh_entries(self) -> None:
        """Instances use the new blocks from their next start on."""
        apps = self._supervisor.apps()
        for managed in self._conductor.managed.values():
            entry = apps.get(managed.app)
            if entry is not None and managed.entry.is_configured:
                follows = managed.args == managed.entry.spec.default_args
                managed.entry = entry
                if follows and managed.configured:
                    managed.args = entry.spec.default_args

    async def _do(self, step: PlanStep, actor: str) -> str:
        try:
            if step.action == "stop":
                return _failures(await self._stop(step.ids, actor))
            if step.action == "restart":
                return _failures(await asyncio.gather(*[self._restart(seq, actor) for seq in step.ids]))
            if step.action == "add":
                await self._add(step.app, actor)
            elif step.action == "update":
                self._update(step.ids)
        except VerbError as exc:
            return f"{FAILED}{exc.text}"
        return ""

    async def _stop(self, seqs: Sequence[int], actor: str) -> list[str]:
        faults: list[str] = []
        for layer in self._supervisor.stop_layers(seqs):
            faults += await asyncio.gather(*[self._stop_one(seq, actor) for seq in layer])
        return faults

    async def _stop_one(self, seq: int, actor: str) -> str:
        try:
            await self._supervisor.stop(seq, actor=actor)
        except VerbError as exc:
            return f"{seq}: {exc.text}"
        return ""

    async def _restart(self, seq: int, actor: str) -> str:
        try:
            started = await self._supervisor.restart(seq, actor=actor)
        except VerbError as exc:
            self._put_back(seq)
            return f"{seq}: {exc.text}"
        return "" if started.ok else f"{seq}: {started.reason}"

    async def _add(self, app: str, actor: str) -> None:
        entry = self._supervisor.find_app(app)
        if not starts_with_daemon(entry.spec):
            return
        held = self._conductor.managed.values()
        mine = sorted((m for m in held if m.app == entry.name and m.configured), key=lambda m: m.seq)
        for managed in mine[: entry.spec.instances]:
            if managed.enabled and managed.phase in (*ENDED, Phase.STOPPING):  # it belonged here before
                self._conductor.fire(managed, Trigger.START, actor=actor)
        for _ in range(entry.spec.instances - len(mine)):
            self.start_configured(entry, actor)

    def start_configured(self, entry: AppEntry, actor: str = "autostart") -> Managed:
        """A new instance that belongs to the configuration; it comes up in its own time."""
        managed = self._supervisor.roll.create(entry, entry.spec.default_args, configured=True)
        self._conductor.fire(managed, Trigger.START, actor=actor)
        return managed

    def _update(self, seqs: Sequence[int]) -> None:
        """The keeper learns the new policy; nothing is restarted."""
        for seq in seqs:
            managed = self._conductor.managed.get(seq)
            if managed is None or managed.pid is None:
                continue
            try:
                self._keeper.tell("update", seq=seq, **self._starting.order(managed))
            except CannotStart:
                continue  # what runs goes on; its next start will say what is missing


def refuse_emptied(file: str, steps: Sequence[PlanStep]) -> None:
    """A file without `apps` was emptied or cut, as like as not. Raises VerbError when apps run from it."""
    stopped = [step for step in steps if step.action == "stop" and step.ids]
    if not stopped:
        return
    names = ", ".join(step.app for step in stopped[:NAMED]) + (", ..." if len(stopped) > NAMED else "")
    count = sum(len(step.ids) for step in stopped)
    raise VerbError(
        ExitCode.BAD_CONFIG,
        f"{file}: it has no `apps`, and {count} run from it ({names}); nothing was changed."
        " `apps: {}` in the file, or `apply --force`, stops them",
    )


def _failures(faults: Sequence[str]) -> str:
    bad = [fault for fault in faults if fault]
    return f"{FAILED}{'; '.join(bad)}" if bad else ""


def _left_over(new: Loaded, instances: Sequence[Instance], known: Collection[str]) -> list[str]:
    """Apps that live from this file and stand in it no more, though no plan has stopped them."""
    found = {
        instance.app: None
        for instance in instances
        if instance.entry.is_configured and instance.entry.file == new.file and is_live(instance)
    }
    return [app for app in found if app not in known and app not in new.config.apps]


def _as_running(config: Config, instances: Sequence[Instance]) -> Config:
    """The configuration with each block as its living instances were started from it.

    A daemon that was killed after its file was edited reads the new file; its apps run by the old one.
    """
    apps = dict(config.apps)
    for instance in instances:
        if (
            instance.app in apps
            and instance.entry.source == Path(instance.entry.file).name
            and is_live(instance)
        ):
            apps[instance.app] = instance.spec
    return msgspec.structs.replace(config, apps=apps)
