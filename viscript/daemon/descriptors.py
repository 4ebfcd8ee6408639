"""The keeper's spare descriptors: what would be lost with a killed keeper, the daemon holds as well.

A terminal ends with the last holder of its master, and what an app wrote and nobody drained ends
with the last holder of its FIFO, when the app has gone too. So the daemon asks for duplicates once
an app runs, and gives the terminals to the next keeper. Only when both are killed are they lost.
"""

from __future__ import annotations

import logging
import os
import resource
from typing import Final

from viscript.keeper.places import APP_NOFILE
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_link import KeeperLink
from viscript.supervisor.keeper_port import KeeperError
from viscript.supervisor.lifecycle import Phase

log = logging.getLogger(__name__)

UP: Final = frozenset({Phase.RUNNING, Phase.READY})
TERMINAL: Final = "master"


class Descriptors:
    """Holds them by id; one set for the newest run of each."""

    def __init__(self, conductor: Conductor, link: KeeperLink) -> None:
        self._conductor = conductor
        self._link = link
        self._held: dict[int, tuple[int, dict[str, int]]] = {}
        conductor.after_change.append(self.look)

    def look(self, managed: Managed) -> None:
        """After each change: fetch for what came up, let go of what ended."""
        held = self._held.get(managed.seq)
        if managed.phase in UP and managed.pid is not None:
            if held is None or held[0] != managed.generation:
                self._drop(managed.seq)
                self._held[managed.seq] = (managed.generation, {})
                self._conductor.task(managed, lambda: self._fetch(managed))
        elif held is not None and managed.pid is None:
            self._drop(managed.seq)

    async def _fetch(self, managed: Managed) -> None:
        generation = managed.generation
        try:
            answer = await self._link.ask("fds", seq=managed.seq)
        except KeeperError as exc:
            log.info("seq=%d descriptors not fetched: %s", managed.seq, exc.text)
            return
        fetched = dict(zip(answer["names"], answer.get("fds", ()), strict=False))
        if self._held.get(managed.seq, (0, {}))[0] == generation:
            self._held[managed.seq] = (generation, fetched)
        else:
            _close(fetched)

    def give_back(self) -> None:
        """A new keeper was found: it goes on with the terminals."""
        for seq, (_, held) in self._held.items():
            if TERMINAL in held:
                self._link.give({"seq": seq}, [held[TERMINAL]])

    def close(self) -> None:
        """Let go of all."""
        for seq in tuple(self._held):
            self._drop(seq)

    def _drop(self, seq: int) -> None:
        _close(self._held.pop(seq, (0, {}))[1])


def _close(held: dict[str, int]) -> None:
    for fd in held.values():
        os.close(fd)


def raise_file_limit() -> None:
    """As many open files as the system allows; a thousand apps are two thousand descriptors.

    The apps keep the limit that we were started with: the keeper is told.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.environ.setdefault(APP_NOFILE, str(soft))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
