"""Answers kept for a while, so that a retried mutation is answered the same and not done twice. Pure."""

from collections import OrderedDict
from enum import Enum, auto
from typing import Generic, TypeVar

from signal_bus.limits import REPLAYS

K = TypeVar("K")
A = TypeVar("A")


class Known(Enum):
    """What is known of a request that has no answer yet."""

    FRESH = auto()  # never seen: do it
    RUNNING = auto()  # under way: its answer will come


class Replays(Generic[K, A]):
    """The newest answers by who asked and the id it gave. The oldest answered one makes room."""

    def __init__(self, kept: int = REPLAYS) -> None:
        self._kept = kept
        self._answers: OrderedDict[K, A | Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def begin(self, key: K) -> A | Known:
        """The answer given before, or whether to start."""
        known = self._answers.get(key, Known.FRESH)
        if known is Known.FRESH:
            self._answers[key] = Known.RUNNING
            self._make_room()
        return known

    def finish(self, key: K, answer: A) -> None:
        """Keep the answer."""
        self._answers[key] = answer
        self._answers.move_to_end(key)
        self._make_room()

    def forget(self, key: K) -> None:
        """It was not done after all: a retry starts afresh."""
        self._answers.pop(key, None)

    def _make_room(self) -> None:
        excess = len(self._answers) - self._kept
        if excess > 0:
            done = [key for key, answer in self._answers.items() if answer is not Known.RUNNING]
            for key in done[:excess]:
                del self._answers[key]
