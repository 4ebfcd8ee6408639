"""Waiting for something another process does: poll with a deadline, never a bare sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, deadline_s: float = 30.0, interval_s: float = 0.02) -> T:
    """The first true answer of `probe`; raises `AssertionError` with the last answer after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while not (answer := probe()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s; the last answer was {answer!r}")
        time.sleep(interval_s)
    return answer
