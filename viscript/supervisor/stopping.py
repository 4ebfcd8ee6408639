"""The actions of the life cycle that bring an app down, rung by rung."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Protocol

from viscript.config.words import signal_number
from viscript.supervisor.api import ASK_SECONDS, PRE_STOP_SECONDS
from viscript.supervisor.commands import run
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper, KeeperError
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import working_folder
from viscript.supervisor.roster import ENDED

log = logging.getLogger(__name__)

STOP_MARGIN: Final = 15.0  # seconds beyond the rungs before a stop is called stuck


class AsksShutdown(Protocol):
    """Asks a signal client to end itself."""

    def __call__(self, seq: int, deadline: float) -> Awaitable[None]:
        """Return when it has agreed; raise nothing."""


@dataclass(frozen=True, kw_only=True)
class StopOrder:
    """What a user said besides `stop`."""

    grace: float | None = None
    now: bool = False


class Stopping:
    """Carries out LADDER, ABORT, RETRY and DISCARD."""

    def __init__(self, conductor: Conductor, keeper: Keeper, ask_shutdown: AsksShutdown) -> None:
        self._conductor = conductor
        self._keeper = keeper
        self._ask_shutdown = ask_shutdown
        self.orders: dict[int, StopOrder] = {}

    def ladder(self, managed: Managed) -> None:
        """Ask on the bus, then let the keeper climb: signal, kill, verify."""
        order = self.orders.pop(managed.seq, StopOrder())
        self._conductor.task(managed, lambda: self._climb(managed, order))

    async def _climb(self, managed: Managed, order: StopOrder) -> None:
        spec = managed.entry.spec.stop
        grace = spec.grace if order.grace is None else order.grace
        asked = managed.registered and not order.now
        if spec.pre_stop is not None and not order.now:
            await _run(spec.pre_stop, working_folder(managed))
        ask = min(grace, ASK_SECONDS) if asked else 0.0
        await self._order_stop(managed, "kill" if order.now else "stop", ask=ask, grace=grace)
        if asked:
            await self._ask_shutdown(managed.seq, ask)

    async def _order_stop(self, managed: Managed, op: str, *, ask: float, grace: float) -> None:
        spec = managed.entry.spec.stop
        follows = managed.phase is Phase.CYCLING and managed.entry.spec.sockets
        try:
            answer = await self._keeper.ask(
                op,
                deadline=None,
                seq=managed.seq,
                ask=ask,
                signal=signal_number(spec.signal),
                grace=grace,
                tree=spec.kill_tree,
                **({"hold": True} if follows else {}),
            )
        except KeeperError as exc:
            log.info("seq=%d stop: %s", managed.seq, exc.text)
            gone = exc.code == "unknown"
        else:
            gone = answer.get("accepted") is False  # it ended by itself just before
        if gone:
            self._conductor.fire(managed, Trigger.GONE, reason="stopped")

    def abort(self, managed: Managed) -> None:
        """End a run that did not come up or is ill; the policy decides what follows."""
        managed.aborted = (managed.reason, managed.cause)
        self._keeper.tell("failed", seq=managed.seq, gen=managed.generation)
        generation = managed.generation
        self._conductor.task(managed, lambda: self._abort(managed, generation))

    async def _abort(self, managed: Managed, generation: int) -> None:
        stop = managed.entry.spec.stop
        self._keeper.tell("signal", seq=managed.seq, signum=signal_number(stop.signal), tree=True)
        try:
            async with asyncio.timeout(stop.grace):
                await managed.until(lambda: not _same_run(managed, generation))
        except TimeoutError:
            self._keeper.tell("signal", seq=managed.seq, signum=int(signal.SIGKILL), tree=True)

    def retry(self, managed: Managed) -> None:
        """End the pause before the next start."""
        self._keeper.tell("retry", seq=managed.seq)

    def discard(self, managed: Managed) -> None:
        """The pause will not be followed by a start."""
        self._keeper.tell("stop", seq=managed.seq, ask=0.0, signal=15, grace=0.0, tree=True)


def run_is_gone(managed: Managed, generation: int) -> bool:
    """Whether the run that was to be stopped is no more, also when another was ordered meanwhile."""
    return managed.phase in (*ENDED, Phase.WAITING) or managed.generation > generation


def patience_for(managed: Managed, grace: float | None) -> float:
    """How long a stop may take before it is called stuck."""
    stop = managed.entry.spec.stop
    before = 0.0 if stop.pre_stop is None else PRE_STOP_SECONDS
    return before + (stop.grace if grace is None else grace) * 2 + STOP_MARGIN


def _same_run(managed: Managed, generation: int) -> bool:
    return managed.generation == generation and managed.phase in (
        Phase.STARTING,
        Phase.RUNNING,
        Phase.READY,
    )


async def _run(argv: tuple[str, ...], cwd: str) -> None:
    """Run a command before a stop; whatever becomes of it, the stop goes on."""
    try:
        await run(argv, cwd=cwd, seconds=PRE_STOP_SECONDS)
    except TimeoutError:
        log.warning("pre_stop %s: killed after %g s", argv[0], PRE_STOP_SECONDS)
    except OSError as exc:
        log.warning("pre_stop %s: %s", argv[0], exc.strerror)
