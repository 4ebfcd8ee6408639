"""From spawned to running and ready: settle, deadlines, and the checks of one run.

An app without a check is running when it registers or lives through `settle`. One with a check
is ready when the check passes. A check is asked again while the app runs: `ready` moves it
between ready and running; `health` that fails `retries` times in a row ends the run, and the
restart policy decides what follows.

A check that somebody else answers, because he holds the port, is not passed: not at all while another
instance of the same app holds it, else not before the app has lived through `settle`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from viscript.config.model import Check
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import CannotStart, working_folder
from viscript.supervisor.probes import Probe, address_of, probe_for

log = logging.getLogger(__name__)

STARTING_INTERVAL: Final = 0.1  # a starting app is asked more often than a running one


class Follow(Protocol):
    """Gives the lines an app writes from now on."""

    def __call__(self, seq: int, each: Callable[[str], bool]) -> Awaitable[None]:
        """Hand each new line of the run to `each` until it answers true."""


class Elsewhere(Protocol):
    """Looks who answers at an address in place of an app."""

    def __call__(self, managed: Managed, host: str, port: int) -> Awaitable[Answerer | None]:
        """Whoever it is; None if the app itself does, or nobody can tell."""


class Answerer(NamedTuple):
    """Somebody who holds the port of an app, and the id of the app he is, if one of ours."""

    text: str
    seq: int | None


async def _nobody(managed: Managed, host: str, port: int) -> Answerer | None:
    return None


class Checking:
    """Arms what decides whether a run has come up, and what watches it later."""

    def __init__(
        self,
        conductor: Conductor,
        *,
        env_of: Callable[[Managed], Mapping[str, str]],
        follow: Follow,
        elsewhere: Elsewhere = _nobody,
    ) -> None:
        self._conductor = conductor
        self._env_of = env_of
        self._follow = follow
        self._elsewhere = elsewhere

    def arm(self, managed: Managed) -> None:
        """A new process runs: start its deadline, settle and checks."""
        self._conductor.disarm(managed)
        spec, ready = managed.entry.spec, managed.entry.spec.ready
        if ready is None:
            self._settle(managed, spec.settle, Trigger.STARTED)
        elif ready.settle is not None:
            self._settle(managed, ready.settle, Trigger.PASSED)
        elif ready.log is not None:
            self._task(managed, lambda: self._await_line(managed, ready.log or ""))
        else:
            self._ask(managed, ready, self._ready_verdict)
        if ready is not None:
            self._timer(managed, spec.start_timeout, lambda: self._too_late(managed))

    def _too_late(self, managed: Managed) -> None:
        unready = managed.conditions.get("Ready")
        why = f": {unready.reason}" if unready is not None and unready.reason else ""
        reason = f"not ready within {managed.entry.spec.start_timeout:g} s{why}"
        self._conductor.fire(managed, Trigger.TIMEOUT, reason=reason, cause="start-timeout")

    def keep(self, managed: Managed) -> None:
        """The run has come up: watch its health."""
        health = managed.entry.spec.health
        if health is not None:
            self._ask(managed, health, self._health_verdict)

    def resume(self, managed: Managed, *, ready: bool) -> None:
        """Go on with a run that came up under an earlier daemon; `ready`: it was, in this very run."""
        self.arm(managed)
        if managed.phase is not Phase.STARTING:
            self.keep(managed)
        check = managed.entry.spec.ready
        if ready and check is not None and (check.notify or check.log is not None):
            self._pass(managed)  # it said so once and will not say it again; its log may be rotated away

    def reported_ready(self, managed: Managed) -> None:
        """The app itself said that it is ready: over the bus, or by sd_notify."""
        self._pass(managed)

    def _settle(self, managed: Managed, seconds: float, trigger: Trigger) -> None:
        self._timer(managed, seconds, lambda: self._conductor.fire(managed, trigger))

    def _timer(self, managed: Managed, delay: float, then: Callable[[], object]) -> None:
        generation = managed.generation

        def fire() -> None:
            if managed.generation == generation:
                then()

        self._conductor.timer(managed, delay, fire)

    def _task(self, managed: Managed, work: Callable[[], Awaitable[None]]) -> None:
        """Run work that ends when the instance is disarmed."""

        task = self._conductor.task(managed, work)
        managed.disarm.append(partial(_cancel, task))

    def _ask(
        self, managed: Managed, check: Check, verdict: Callable[[Managed, Check, str | None, int], bool]
    ) -> None:
        try:
            probe = probe_for(check, cwd=working_folder(managed), env=self._env_of(managed))
        except CannotStart as exc:
            log.warning("seq=%d is not checked: %s", managed.seq, exc.text)
            return
        if probe is not None:
            self._task(managed, lambda: self._loop(managed, check, probe, verdict))

    async def _loop(
        self,
        managed: Managed,
        check: Check,
        probe: Probe,
        verdict: Callable[[Managed, Check, str | None, int], bool],
    ) -> None:
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(check.start_period)
        failures = 0
        while True:
            fault = await probe()
            starting = managed.phase is Phase.STARTING
            taken = await self._taken(managed, check, begun) if fault is None and starting else None
            fault = fault or taken
            failures = 0 if fault is None else failures + 1
            if verdict(managed, check, fault, failures):
                return
            hurry = managed.phase is Phase.STARTING and taken is None
            await asyncio.sleep(min(check.interval, STARTING_INTERVAL) if hurry else check.interval)

    async def _taken(self, managed: Managed, check: Check, begun: float) -> str | None:
        """Why the answer of a starting app proves nothing."""
        address = address_of(check)
        answerer = None if address is None else await self._elsewhere(managed, *address)
        if answerer is None:
            return None
        other = None if answerer.seq is None else self._conductor.managed.get(answerer.seq)
        same = other is not None and other.app == managed.app
        lived = asyncio.get_running_loop().time() - begun
        return answerer.text if same or lived < managed.entry.spec.settle else None

    def _ready_verdict(self, managed: Managed, check: Check, fault: str | None, failures: int) -> bool:
        if fault is None:
            self._pass(managed)
        elif managed.phase is Phase.READY and failures >= check.retries:
            self._conductor.condition(managed, "Ready", False, fault)
            self._conductor.fire(managed, Trigger.UNREADY, reason=fault, cause="not-ready")
        elif managed.phase is Phase.STARTING:
            self._conductor.condition(managed, "Ready", False, fault)
        return False

    def _health_verdict(self, managed: Managed, check: Check, fault: str | None, failures: int) -> bool:
        if fault is None:
            self._conductor.health(managed, "ok")
            return False
        if failures < check.retries:
            return False
        self._conductor.health(managed, "failing", fault)
        self._conductor.fire(managed, Trigger.UNHEALTHY, reason=fault, cause="unhealthy")
        return True

    def _pass(self, managed: Managed) -> None:
        self._conductor.condition(managed, "Ready", True)
        self._conductor.fire(managed, Trigger.PASSED)

    async def _await_line(self, managed: Managed, pattern: str) -> None:
        wanted = re.compile(pattern)
        await self._follow(managed.seq, lambda line: wanted.search(line) is not None)
        self._pass(managed)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
