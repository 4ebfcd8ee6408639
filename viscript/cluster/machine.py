"""How busy this machine is: what the other hosts are told of it each second."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import psutil

from viscript.cluster.links.own import Figures

log = logging.getLogger(__name__)

FRESH_S: Final = 0.8  # a look is this old at most: the hosts are told in one go


class Machine:
    """Looks at most once a second, however many ask."""

    def __init__(
        self, apps: Callable[[], tuple[int, int]], started_at: float, clock: Callable[[], float]
    ) -> None:
        self._apps = apps
        self._started_at = started_at
        self._clock = clock
        self._looked_at = -FRESH_S
        self._figures = Figures()
        psutil.cpu_percent()  # the first tells nothing, the next tells what was used since

    def figures(self) -> Figures:
        """Apps up and in all, processors and memory."""
        now = self._clock()
        if now - self._looked_at >= FRESH_S:
            self._looked_at = now
            try:
                self._figures = self._look()
            except OSError as exc:  # no descriptor to spare: the last ones stay
                log.warning("no figures of this machine for now: %s", exc)
        return self._figures

    def _look(self) -> Figures:
        up, total = self._apps()
        memory = psutil.virtual_memory()
        return Figures(
            apps_up=up,
            apps_total=total,
            cpu_percent=psutil.cpu_percent(),
            memory_bytes=memory.total - memory.available,
            memory_total=memory.total,
            started_at=self._started_at,
        )
