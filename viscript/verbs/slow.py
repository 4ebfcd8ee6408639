"""What a start or a stop that takes long waits for: told once, and again to whoever interrupts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from viscript.config.words import signal_number
from viscript.diagnose.blocked import culprit, fails
from viscript.render.human import signal_name
from viscript.states import State
from viscript.supervisor.api import ASK_SECONDS, PRE_STOP_SECONDS, Instance
from viscript.verbs.naming import shown_id
from viscript.verbs.reach import daemon, title, tolerant
from viscript.verbs.table import Call

SLOW_S: Final = 2.0
_COMING: Final = (State.WAITING, State.STARTING, State.BACKOFF)
_TELL_S: Final = 1.0  # how long a slow reader may take
_MOST: Final = 5


class Slow:
    """The instances a verb stops, since when, and how much time each is given."""

    def __init__(self, call: Call, *, grace: float | None, now: bool = False) -> None:
        self._call = call
        self._grace = grace
        self._now = now
        self._begun: dict[int, tuple[Instance, float]] = {}

    def begins(self, item: Instance) -> None:
        """Its stop was ordered."""
        self._begun[item.seq] = item, asyncio.get_running_loop().time()

    def ends(self, item: Instance) -> None:
        """Nothing of it is waited for any more."""
        del self._begun[item.seq]

    def text(self) -> str:
        """What is waited for; empty as long as nothing takes long."""
        clock, supervisor = asyncio.get_running_loop().time(), daemon(self._call).supervisor
        waits = [(item, clock - begun) for item, begun in self._begun.values() if clock - begun >= SLOW_S]
        known = {each.seq: each for each in supervisor.instances(ended=True)} if waits else {}
        found = [
            waiting(known.get(item.seq, item), item, passed, grace=self._grace, now=self._now)
            for item, passed in waits
        ]
        more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
        return "\n".join((*found[:_MOST], *more))


def waiting(
    now_is: Instance, was: Instance, passed: float, *, grace: float | None = None, now: bool = False
) -> str:
    """Why one that was to stop `passed` seconds ago is still waited for. Pure."""
    if now_is.generation != was.generation or now_is.state is not State.STOPPING:
        waits = f" for {', '.join(now_is.waiting_for)}" if now_is.waiting_for else ""
        return f"{title(now_is)} is {now_is.state}{waits}"
    stop = was.spec.stop
    term = signal_name(signal_number(stop.signal))
    patience = stop.grace if grace is None else grace
    ask = min(patience, ASK_SECONDS) if was.registered else 0.0
    left = ask + patience - passed + (0.0 if stop.pre_stop is None else PRE_STOP_SECONDS)
    if now or left <= 0:
        return f"{title(was)} was sent SIGKILL and is still there"
    if stop.pre_stop is not None:
        return f"{title(was)} runs its pre_stop or ignores {term}; SIGKILL in at most {left:.0f} s"
    if passed < ask:
        return f"{title(was)} was asked to end; {term} in {ask - passed:.0f} s, SIGKILL in {left:.0f} s"
    return f"{title(was)} ignores {term}; SIGKILL in {left:.0f} s"


class SlowStart:
    """A start of an app: the instance it made is found among the others."""

    def __init__(self, call: Call, app: str) -> None:
        self._call = call
        self._app = app
        self._before = {item.seq for item in daemon(call).supervisor.instances(ended=True)}

    def text(self) -> str:
        """What is waited for; empty while there is nothing to tell."""
        known = daemon(self._call).supervisor.instances()
        mine = [item for item in known if item.app == self._app and item.seq not in self._before]
        return next((_coming(item, known) for item in mine if item.state in _COMING), "")


def _coming(item: Instance, known: Sequence[Instance]) -> str:
    waits = f" for {', '.join(item.waiting_for)}" if item.waiting_for else ""
    other = culprit(item, known)
    why = f"; {title(other)} fails: {other.reason or other.state}" if other and fails(other) else ""
    return f"{title(item)} is {item.state}{waits}{why}; `why {shown_id(item.seq)}` says more"


class Tells(Protocol):
    """What takes long."""

    def text(self) -> str:
        """What is waited for; empty as long as nothing takes long."""


@asynccontextmanager
async def told_when_slow(call: Call, slow: Tells) -> AsyncIterator[None]:
    """Tell people once what is waited for, if it takes long."""
    if call.format != "table" or not call.terminal.err:
        yield
        return
    async with telling(call.writer.err, slow):
        yield


@asynccontextmanager
async def telling(write: Callable[[str], Awaitable[None]], slow: Tells) -> AsyncIterator[None]:
    """Write once what is waited for, if it takes long. What is raised inside comes out as it is."""
    fault: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        teller = tasks.create_task(_tell(write, slow))
        try:
            yield
        except Exception as exc:  # noqa: BLE001 (it is raised below: the group would wrap it)
            fault = exc
        finally:
            teller.cancel()
    if fault is not None:
        raise fault


async def _tell(write: Callable[[str], Awaitable[None]], slow: Tells) -> None:
    """Also of what begins to take long only later: one that is stopped after the others."""
    said = ""
    while not said:
        await asyncio.sleep(SLOW_S)
        said = slow.text()
    with tolerant():
        async with asyncio.timeout(_TELL_S):
            await write(f"{said}\n")
