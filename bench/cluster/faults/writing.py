"""A writer of changes that are acknowledged or not, and what became of them. The tally is pure."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from bench.cluster.faults.clock import now
from tests.support.caller import Caller

PAUSE_S: Final = 0.1
PATIENCE_S: Final = 30.0
NOT_DONE: Final = "nothing has changed"


class Try(NamedTuple):
    """One order: when it was given and answered, and the version that the answer named; 0: not done."""

    began: float
    ended: float
    version: int
    clear: bool
    """Whether an answer without a version says for sure that nothing was done."""
    text: str = ""


@dataclass(frozen=True)
class Tally:
    """What became of all orders of one writer."""

    acknowledged: int
    lost: int
    doubled: int
    unclear: int


def tally(tries: Sequence[Try], first: int, last: int) -> Tally:
    """Compare what was told with the versions that the store had before and has now."""
    told = [one.version for one in tries if one.version]
    unclear = sum(not one.version and not one.clear for one in tries)
    repeated = len(told) - len(set(told))
    backwards = sum(later < earlier for earlier, later in pairwise(told))
    missing = max(sum(version > last for version in told), len(told) - (last - first))
    doubled = max(0, last - first - len(told) - unclear)
    return Tally(len(told), max(repeated, missing, backwards), doubled, unclear)


def stall_s(tries: Sequence[Try], since: float, until: float) -> float:
    """The longest time without an acknowledged change."""
    done = [one.ended for one in tries if one.version and since <= one.ended <= until]
    return max(later - earlier for earlier, later in pairwise([since, *done, until]))


class Writer:
    """Orders the same app over and over, by the door of one home, until it is stopped."""

    def __init__(self, caller: Caller, app: str) -> None:
        self.tries: list[Try] = []
        self._caller = caller
        self._app = app
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer of {app}")

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S + 5)

    def acknowledged_since(self, at: float) -> bool:
        """Whether a change was taken that was ordered later than that."""
        return any(one.version and one.began > at for one in self.tries[-20:])

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.tries.append(self._order(len(self.tries)))

    def _order(self, number: int) -> Try:
        began = now()
        argv = ("deploy", self._app, str(number), "--place", "role=nobody", "-o", "json")
        try:
            answer = self._caller.ask(*argv, timeout=PATIENCE_S)
        except (OSError, AssertionError, ValueError) as exc:
            refused = isinstance(exc, ConnectionRefusedError | FileNotFoundError)
            return Try(began, now(), 0, refused, f"{type(exc).__name__}: {exc}")
        if answer.code == 0:
            return Try(began, now(), int(json.loads(answer.out)["version"]), True)
        return Try(began, now(), 0, NOT_DONE in answer.out + answer.err, (answer.err or answer.out)[:300])
