"""A regular expression of the user's, tried on lines that anybody may have written.

One line can keep an expression such as `(a+)+$` busy for years, and the daemon with it. So each line gets a
budget of processor time: a timer's signal, which the expression engine heeds, ends a search that exceeds it.
That works in the main thread, where the daemon's loop runs; nothing else uses this timer.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from viscript.errors import ViscriptError

LINE_BUDGET_S: Final = 0.02
LONGEST: Final = 1000  # characters of an expression; compiling one that is much longer takes seconds


class BadExpression(ViscriptError):
    """It is no regular expression, or one that cannot be afforded; the text says which."""


class Search:
    """Whether a line holds a match."""

    def __init__(self, pattern: str, *, budget_s: float = LINE_BUDGET_S) -> None:
        """`budget_s`: of processor time, for each line. Raises `BadExpression`."""
        self._budget_s = budget_s
        if len(pattern) > LONGEST:
            raise BadExpression(f"it is longer than {LONGEST} characters")
        try:
            self._search = re.compile(pattern.encode(errors="surrogateescape")).search
        except (re.error, OverflowError, RecursionError) as exc:
            raise BadExpression(str(exc)) from exc

    def matches(self, raw: bytes) -> bool:
        """Try one line. Raises `BadExpression` when that takes too long."""
        with _timer.budget(self._budget_s):
            return self._search(raw) is not None


class _Timer:
    """The one timer of processor time. Its handler stays: a late signal would end a process without one."""

    def __init__(self) -> None:
        self._armed = False

    @contextmanager
    def budget(self, seconds: float) -> Iterator[None]:
        """Raises `BadExpression` in the block once that much is spent."""
        if signal.getsignal(signal.SIGVTALRM) != self._spent:
            signal.signal(signal.SIGVTALRM, self._spent)
        self._armed = True
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            yield
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _spent(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            raise BadExpression("it takes too long on one line; write it without repeats inside of repeats")


_timer: Final = _Timer()
