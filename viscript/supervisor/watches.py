"""Restarts what runs when files change that its app names in `watch`. One task, `run`, looks at all files.

The files of an app are looked at while an instance of it is up, or would be; each look is made in a
thread and costs a small part of the time until the next one at the same files: an app with many of them
holds up no other. What changes while no daemon is there is not seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from viscript.events import EventLog
from viscript.filewatch.aside import aside
from viscript.filewatch.calm import Calm, Settled
from viscript.filewatch.pattern import Pattern, parse_pattern
from viscript.filewatch.scan import Seen, TooMuch, changes, scan
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.renewing import Renewing

log = logging.getLogger(__name__)

ACTOR: Final = "watch"
WATCHED: Final = "Watched"  # the condition
LOOK_SECONDS: Final = 0.25
SHARE: Final = 20  # all looks together take one part of so many
PATIENCE: Final = 30.0  # for a look that keeps to its bounds, unless the disk hangs

UP: Final = frozenset({Phase.STARTING, Phase.RUNNING, Phase.READY})
FAILED: Final = frozenset({Phase.BACKOFF, Phase.FATAL})  # the change may be the cure


@dataclass(frozen=True)
class _Key:
    """What is looked at for one app."""

    app: str
    folder: str
    watch: tuple[str, ...]


@dataclass
class _Watched:
    patterns: tuple[Pattern, ...]
    seen: Seen | None = None  # None before the first look
    calm: Calm = field(default_factory=Calm)
    refused: bool = False
    rested_at: float = 0.0  # when it is to be looked at again


class Watches:
    """Looks at the files of all apps."""

    def __init__(self, conductor: Conductor, renewing: Renewing, events: EventLog) -> None:
        self._conductor = conductor
        self._renewing = renewing
        self._events = events
        self._watched: dict[_Key, _Watched] = {}
        self._woken = asyncio.Event()
        conductor.after_change.append(self._changed)

    def refresh(self) -> None:
        """The configuration was applied: what was refused before is tried again."""
        self._watched = {key: one for key, one in self._watched.items() if not one.refused}
        self._woken.set()

    def _changed(self, managed: Managed) -> None:
        if managed.entry.spec.watch and managed.phase in UP and _key(managed) not in self._watched:
            self._woken.set()

    async def run(self) -> None:
        """Look again and again, while there is something to look at."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            await self.look(loop.time, at=loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self._watched else None):
                    await self._woken.wait()

    async def look(self, clock: Callable[[], float], *, at: float = math.inf) -> None:
        """A look at the files of every app that is up, and a restart of those whose files have settled.

        Of those that rest at that time there is none.
        """
        self._keep(set(map(_key, self._concerned())))
        for key, watched in tuple(self._watched.items()):
            if not watched.refused and watched.rested_at <= at:
                begun = clock()
                await self._look_at(key, watched, clock)
                watched.rested_at = clock() + (clock() - begun) * SHARE * len(self._watched)

    def _concerned(self) -> Iterable[Managed]:
        """Those a change restarts; one that is between two runs stays among them."""
        ended = (Phase.STOPPED, Phase.DONE)
        held = self._conductor.managed.values()
        return [one for one in held if one.entry.spec.watch and one.phase not in ended]

    def _keep(self, keys: set[_Key]) -> None:
        self._watched = {key: one for key, one in self._watched.items() if key in keys}
        for key in keys - self._watched.keys():
            self._watched[key] = _Watched(tuple(map(parse_pattern, key.watch)))

    async def _look_at(self, key: _Key, watched: _Watched, clock: Callable[[], float]) -> None:
        try:
            now = await aside(partial(scan, key.folder, watched.patterns), PATIENCE)
        except TooMuch as exc:
            self._refuse(key, watched, str(exc))
            return
        except TimeoutError:
            self._refuse(key, watched, f"a look at the files it watches did not end within {PATIENCE:g} s")
            return
        except Exception as exc:  # a bug in the look at one app's files must not end the daemon
            log.exception("app=%s", key.app)
            self._refuse(key, watched, f"its files cannot be looked at: {exc}")
            return
        before, watched.seen = watched.seen, now
        if before is None:
            self._accept(key)
        watched.calm.changed([] if before is None else changes(before, now), clock())
        settled = watched.calm.settled(clock())
        if settled is not None:
            await self._restart(key, replace(settled, path=_as_text(settled.path)))

    def _refuse(self, key: _Key, watched: _Watched, why: str) -> None:
        watched.refused = True
        log.warning("app=%s is not watched: %s", key.app, why)
        for managed in self._of(key):
            self._conductor.condition(managed, WATCHED, False, why)
            self._events.tell(
                "watch.refused",
                f"app/{managed.seq}",
                now=self._conductor.now(),
                reason=why,
                actor=ACTOR,
                name=managed.name,
            )

    def _accept(self, key: _Key) -> None:
        """What was said of a look that failed, before the configuration was applied anew, is no more."""
        for managed in self._of(key):
            if WATCHED in managed.conditions:
                self._conductor.condition(managed, WATCHED, True)

    def _of(self, key: _Key) -> list[Managed]:
        return [managed for managed in self._concerned() if _key(managed) == key]

    async def _restart(self, key: _Key, settled: Settled) -> None:
        for managed in self._of(key):
            try:
                await self._renew(managed, settled)
            except Exception:  # a bug in the restart of one app must not stop its neighbours
                log.exception("seq=%d: not restarted", managed.seq)

    async def _renew(self, managed: Managed, settled: Settled) -> None:
        """One that is being stopped or waits reads the files when it comes up."""
        if managed.phase not in UP | FAILED:
            return
        more = f" and {settled.count - 1} more" if settled.count > 1 else ""
        reason = f"{settled.path.removeprefix(f'{managed.entry.folder}/')}{more} changed"
        obstacle = await self._renewing.obstacle(managed) if managed.phase in UP else ""
        if managed.phase not in UP | FAILED:
            return
        if obstacle:
            self._tell(managed, settled, f"{reason}; it runs on, as it could not come up again: {obstacle}")
            return
        self._tell(managed, settled, reason)
        renew = self._renewing.begin if managed.phase in FAILED else self._renewing.again
        renew(managed, reason, ACTOR)

    def _tell(self, managed: Managed, settled: Settled, reason: str) -> None:
        self._events.tell(
            "app.changed",
            f"app/{managed.seq}",
            now=self._conductor.now(),
            reason=reason,
            actor=ACTOR,
            name=managed.name,
            path=settled.path,
            count=settled.count,
        )


def _as_text(path: str) -> str:
    """A name may hold bytes that are no text; what is told and remembered of it is."""
    return path.encode(errors="backslashreplace").decode()


def _key(managed: Managed) -> _Key:
    return _Key(managed.app, managed.entry.folder, managed.entry.spec.watch)
