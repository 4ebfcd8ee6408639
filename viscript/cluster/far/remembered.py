"""The last good answers of hosts: shown, with their age, when a host is away. Pure."""

from collections import OrderedDict
from typing import Final, NamedTuple

from signal_bus.ids import PublicKey

MOST: Final = 256
LONGEST: Final = 256 * 1024  # characters of one answer


class Old(NamedTuple):
    """An answer, and when it was given, on the monotonic clock."""

    at: float
    out: str


class Remembered:
    """Answers by host and command; the one not used longest goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[PublicKey, tuple[str, ...]], Old] = OrderedDict()

    def keep(self, host: PublicKey, argv: tuple[str, ...], out: str, now: float) -> None:
        """Remember an answer, unless it is long."""
        self._answers.pop((host, argv), None)
        if len(out) <= LONGEST:
            self._answers[host, argv] = Old(now, out)
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)

    def find(self, host: PublicKey, argv: tuple[str, ...]) -> Old | None:
        """What that host last answered to that."""
        old = self._answers.get((host, argv))
        if old is not None:
            self._answers.move_to_end((host, argv))
        return old
