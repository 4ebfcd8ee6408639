"""How one host sees another, written down as it changes. The figures are pure."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

from bench.cluster.faults.clock import now
from bench.cluster.faults.ground import Place

PAUSE_S: Final = 0.2


class Seen(NamedTuple):
    """From then on, the host was seen so; empty: the observer did not answer."""

    at: float
    state: str


def first(changes: Sequence[Seen], state: str, since: float) -> float | None:
    """Seconds from then until it was seen so."""
    return next((round(one.at - since, 2) for one in changes if one.state == state and one.at >= since), None)


class Watcher:
    """Asks one host about another, several times a second."""

    def __init__(self, observer: Place, victim: str) -> None:
        self.changes: list[Seen] = []
        self._observer = observer
        self._victim = victim
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watcher of {victim}")

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            rows = {row["label"]: row["state"] for row in self._observer.rows("hosts")}
            state = rows.get(self._victim, "")
            if not self.changes or self.changes[-1].state != state:
                self.changes.append(Seen(now(), state))
