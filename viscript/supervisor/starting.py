"""The actions of the life cycle that bring an app up: what it needs, then the launch itself."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from viscript.supervisor.conductor import Conductor
from viscript.supervisor.dependencies import Provider, missing, wants
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper, KeeperError
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import CannotStart, policy_for, spec_for, spec_to_run_on

log = logging.getLogger(__name__)

TRIAL_SECONDS: Final = 5.0

BEST: Final = (
    Phase.READY,
    Phase.RUNNING,
    Phase.STARTING,
    Phase.WAITING,
    Phase.BACKOFF,
    Phase.CYCLING,
    Phase.DONE,
)
EnvOf = Callable[[Managed], Mapping[str, str | None]]


class Holds(Protocol):
    """Looks who holds an address that cannot be had."""

    def __call__(self, managed: Managed, address: str, kind: str) -> Awaitable[str]:
        """The words for whoever it is; empty if it is the app itself."""


async def _somebody(managed: Managed, address: str, kind: str) -> str:
    return f"{address} is taken"


class Starting:
    """Carries out RESOLVE_DEPS and LAUNCH."""

    def __init__(
        self,
        conductor: Conductor,
        keeper: Keeper,
        *,
        env_of: EnvOf,
        search_path: Callable[[], str],
        start_need: Callable[[str], None],
        token_key: Callable[[Managed], str | None] = lambda managed: None,
        holds: Holds = _somebody,
    ) -> None:
        self._conductor = conductor
        self._keeper = keeper
        self._env_of = env_of
        self._search_path = search_path
        self._start_need = start_need
        self._token_key = token_key
        self._holds = holds
        self._waiting: dict[str, set[int]] = {}  # who waits for which app
        conductor.after_change.append(self._changed)

    def resolve(self, managed: Managed) -> None:
        """Start what the app needs, and go on as soon as all of it is there."""
        if managed.entry.source == "external":
            self._fail(managed, "nobody here launched it; start it where it came from")
            return
        for need in managed.entry.spec.needs:
            if self._best(need) is None:
                try:
                    self._start_need(need)
                except CannotStart as exc:
                    self._fail(managed, exc.text)
                    return
        for after in wants(managed.entry.spec):
            self._waiting.setdefault(after.app, set()).add(managed.seq)
        self._look(managed)

    def provider(self, app: str) -> Provider | None:
        """What the best instance of an app is doing; None when nobody started it."""
        best = self._best(app)
        if best is None:
            return None
        healthy = best.conditions.get("Healthy")
        return Provider(
            phase=best.phase,
            has_check=best.entry.spec.ready is not None,
            healthy=healthy is None or healthy.status,
        )

    def _best(self, app: str) -> Managed | None:
        """The instance nearest to running; a fatal one counts only when it is all there is."""
        mine = [m for m in self._conductor.managed.values() if m.app == app]
        for phase in (*BEST, Phase.FATAL):
            for managed in mine:
                if managed.phase is phase:
                    return managed
        return None

    def _changed(self, changed: Managed) -> None:
        for seq in tuple(self._waiting.get(changed.app, ())):
            waiting = self._conductor.managed.get(seq)
            if waiting is None or waiting.phase is not Phase.WAITING:
                self._waiting[changed.app].discard(seq)
            else:
                self._look(waiting)

    def _look(self, managed: Managed) -> None:
        gaps = missing(managed.entry.spec, self.provider)
        managed.waiting_for = tuple(gap.text for gap in gaps)
        hopeless = [gap for gap in gaps if gap.hopeless]
        if hopeless:
            self._fail(managed, f"it needs {hopeless[0].text}")
        elif not gaps:
            self._conductor.fire(managed, Trigger.DEPS_MET)

    def _fail(self, managed: Managed, reason: str) -> None:
        self._conductor.fire(managed, Trigger.DEPS_FAILED, reason=reason, cause="dependency")

    def launch(self, managed: Managed) -> None:
        """Hand the app to the keeper."""
        managed.generation += 1
        managed.aborted = None
        self._conductor.task(managed, lambda: self._launch(managed))

    async def _launch(self, managed: Managed) -> None:
        try:
            order = self.order(managed)
            await self._keeper.ask(
                "launch", deadline=None, seq=managed.seq, gen=managed.generation, name=managed.name, **order
            )
        except CannotStart as exc:
            self._conductor.fire(managed, Trigger.REFUSED, reason=exc.text, cause=exc.cause)
        except KeeperError as exc:
            if exc.code != "exists":  # a keeper that was killed had carried it out already
                self._conductor.fire(managed, Trigger.REFUSED, reason=exc.text, cause=_cause(exc))

    def came_up(self, managed: Managed) -> None:
        """Tell the keeper: a run that had come up is started again at once when it ends."""
        self._keeper.tell("reached", seq=managed.seq, gen=managed.generation)

    def retell(self, managed: Managed) -> None:
        """Tell the keeper again what it was told at the launch of a run that goes on."""
        try:
            order = self.order(managed)
        except CannotStart as exc:
            log.warning("seq=%d runs on and would not come up again: %s", managed.seq, exc.text)
            order = {"spec": spec_to_run_on(managed), "policy": {"policy": "never"}}
        self._keeper.tell("update", seq=managed.seq, name=managed.name, **order)

    async def obstacle(self, managed: Managed) -> str:
        """Why it could not be launched once it is stopped; empty when nothing is in its way."""
        try:
            spec = self.order(managed)["spec"]
        except CannotStart as exc:
            return exc.text
        return await self._taken(managed, spec) if spec.get("sockets") else ""

    async def _taken(self, managed: Managed, spec: Mapping[str, object]) -> str:
        """Why one of its sockets could not be had, by a trial; what it holds itself is no reason."""
        try:
            answer = await self._keeper.ask("try", deadline=TRIAL_SECONDS, seq=managed.seq, spec=spec)
        except KeeperError as exc:  # an older keeper, or none: the launch will say
            log.warning("seq=%d: its sockets were not tried: %s", managed.seq, exc.text)
            return ""
        for one in answer.get("refused", ()):
            if one["code"] != "address-taken":
                return str(one["text"])
            if holder := await self._holds(managed, one["address"], one["kind"]):
                return f"{one['text']}; {holder}"
        return ""

    def order(self, managed: Managed) -> dict[str, Any]:
        """Spec and policy for the keeper. Raises `CannotStart`."""
        spec = spec_for(
            managed,
            env=self._env_of(managed),
            search=self._search_path(),
            token_key=self._token_key(managed),
        )
        return {"spec": spec, "policy": policy_for(managed.entry.spec)}


def _cause(exc: KeeperError) -> str:
    return {
        "not-found": "path-missing",
        "not-executable": "not-executable",
        "no-cwd": "no-cwd",
        "gone": "keeper-gone",
        "address-taken": "port-conflict",
        "lease-lost": "lease-lost",
    }.get(exc.code, "spawn-failed")
