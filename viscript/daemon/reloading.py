"""SIGHUP: the file in use is applied again, one time after the other; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from viscript.config.loader import Loaded
from viscript.errors import VerbError
from viscript.supervisor.api import PlanStep
from viscript.supervisor.conductor import Run

log = logging.getLogger(__name__)


class Applies(Protocol):
    """Makes a configuration the active one."""

    async def apply(self, loaded: Loaded, *, dry_run: bool, actor: str) -> list[PlanStep]:
        """Raises VerbError when it is refused."""


class Reloading:
    """Applies the file whenever it is asked to."""

    def __init__(
        self,
        supervisor: Applies,
        *,
        run: Run,
        file: Callable[[], str],
        read: Callable[[str], Loaded],
        refused: Callable[[str], None],
    ) -> None:
        self._supervisor = supervisor
        self._run = run
        self._file = file
        self._read = read
        self._refused = refused
        self._turn = asyncio.Lock()
        self._waits = False

    def soon(self) -> None:
        """A storm of signals is one reload under way and one that waits for it."""
        if not self._waits:
            self._waits = True
            self._run(self._in_turn())

    async def _in_turn(self) -> None:
        async with self._turn:
            self._waits = False
            if file := self._file():
                await self._reload(file)

    async def _reload(self, file: str) -> None:
        try:
            loaded = await asyncio.to_thread(self._read, file)
            await self._supervisor.apply(loaded, dry_run=False, actor="SIGHUP")
        except VerbError as exc:
            log.error("not applied: %s", exc.text)
            self._refused(exc.text)
        except Exception:  # a bug in applying must not end the daemon
            log.exception("not applied: %s", file)
