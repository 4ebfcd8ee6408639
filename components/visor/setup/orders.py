"""Which orders for rules were carried out of late, and how many more a caller may give. Pure.

An order is remembered for `KEPT_S`: longer than a rule is provisional, so that it can be taken back, and one
that comes twice is not carried out twice. What a caller may order in that time is bounded.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

from signal_bus.ids import PublicKey

KEPT_S: Final = 15.0


@dataclass(frozen=True)
class Done:
    """One order that was carried out: the links and the ids of what comes in, and the order's own digest."""

    at: float
    digest: bytes
    places: tuple[tuple[int, int], ...]


class Orders:
    """The orders of the last seconds, by caller and id. `now` is monotonic seconds."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._done: OrderedDict[tuple[PublicKey, bytes], Done] = OrderedDict()
        self._each: Counter[PublicKey] = Counter()

    def __len__(self) -> int:
        return len(self._done)

    def of(self, caller: PublicKey, now: float) -> int:
        """How many of a caller's are remembered."""
        self._forget(now)
        return self._each[caller]

    def find(self, caller: PublicKey, order: bytes) -> Done | None:
        """One order, if it was this caller's."""
        return self._done.get((caller, order))

    def add(self, caller: PublicKey, order: bytes, done: Done) -> None:
        """Remember an order that was not known."""
        self._done[caller, order] = done
        self._each[caller] += 1

    def take(self, caller: PublicKey, order: bytes) -> Done | None:
        """Forget one order, if it was this caller's."""
        done = self._done.pop((caller, order), None)
        if done is not None:
            self._count_down(caller)
        return done

    def _forget(self, now: float) -> None:
        while self._done:
            (caller, order), done = next(iter(self._done.items()))
            if now - done.at < self._kept_s:
                return
            del self._done[caller, order]
            self._count_down(caller)

    def _count_down(self, caller: PublicKey) -> None:
        self._each[caller] -= 1
        if not self._each[caller]:
            del self._each[caller]
