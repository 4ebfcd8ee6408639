"""Holding something to a time on a machine that does other things besides."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TRIES = 12


def quickest(run: Callable[[], T], most_s: float, *, tries: int = TRIES) -> tuple[T, float]:
    """What `run` gave, and its least time; tried until one is within the bound: a busy machine only slows."""
    least = float("inf")
    while True:
        begin = time.monotonic()
        found = run()
        least = min(least, time.monotonic() - begin)
        tries -= 1
        if least < most_s or tries == 0:
            return found, least
