"""What may be typed of other hosts: their apps, as they were told last; asked again while somebody types."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from signal_bus.ids import PublicKey
from viscript.cluster.far.asking import Manner, Many
from viscript.cluster.far.merging import rows_of
from viscript.cluster.far.route import Leg
from viscript.cluster.links.api import HostState
from viscript.errors import ExitCode, VerbError
from viscript.render.writer import Sink
from viscript.verbs.table import Terminal

log = logging.getLogger(__name__)

FRESH_S: Final = 2.0
PATIENCE_S: Final = 0.04  # for who types
DEADLINE_S: Final = 3.0
MOST_HOSTS: Final = 256
MOST_APPS: Final = 2000

Run = Callable[[Coroutine[Any, Any, None]], object]  # has a task beside the rest


@dataclass(frozen=True)
class App:
    """One instance of another host."""

    id: str
    name: str
    state: str


@dataclass(frozen=True)
class Known:
    """The apps of a host, and how old that is."""

    apps: tuple[App, ...] = ()
    age_seconds: float = 0.0


class Operands:
    """The apps of each host, as far as somebody asked for them."""

    def __init__(
        self, asking: Callable[[], Many], run: Run, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._asking = asking
        self._run = run
        self._clock = clock
        self._known: dict[PublicKey, tuple[float, tuple[App, ...]]] = {}
        self._asked: dict[PublicKey, asyncio.Event] = {}

    def known(self, host: HostState) -> Known:
        """What is known now; nothing is waited for."""
        if host.key not in self._known:
            return Known()
        at, apps = self._known[host.key]
        return Known(apps, self._clock() - at)

    async def prepare(self, host: HostState) -> None:
        """Have it asked if that is due, and wait for a moment."""
        at, _ = self._known.get(host.key, (float("-inf"), ()))
        if self._clock() - at < FRESH_S:
            return
        answered = self._asked.get(host.key)
        if answered is None:
            answered = self._asked[host.key] = asyncio.Event()
            self._run(self._ask(host, answered))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await answered.wait()
        except TimeoutError:
            return  # what was known is shown, with its age

    async def _ask(self, host: HostState, answered: asyncio.Event) -> None:
        manner = Manner(terminal=Terminal(), deadline=DEADLINE_S, looks=False)
        try:
            (heard,) = await self._asking().ask([Leg(host, ("-o", "json", "list_apps"))], manner, _never)
            if heard.status == "ok":
                self._keep(host, tuple(_app(row) for row in rows_of(heard)[:MOST_APPS]))
        except VerbError as exc:
            log.debug("host=%s cannot be asked for its apps: %s", host.label, exc)
        except Exception:  # whatever a host answers to who types, the daemon goes on
            log.exception("host=%s: its apps were not understood", host.label)
        finally:
            del self._asked[host.key]
            answered.set()

    def _keep(self, host: HostState, apps: tuple[App, ...]) -> None:
        self._known.pop(host.key, None)
        if len(self._known) >= MOST_HOSTS:
            del self._known[next(iter(self._known))]
        self._known[host.key] = (self._clock(), apps)


async def _never(leg: Leg, sink: Sink) -> int:
    raise VerbError(ExitCode.USAGE, f"{leg.host.label} is this host: it knows its apps")


def _app(row: dict[str, Any]) -> App:  # Any: JSON
    return App(str(row.get("id", "")), str(row.get("name", "")), str(row.get("state", "")))
