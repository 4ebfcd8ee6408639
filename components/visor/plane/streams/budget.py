"""Bytes that all streams of a node may hold, or promise, at one time. Pure.

Sharing is by a moving threshold: after each taking, the taker holds at most as much as is left free. One
alone gets half of all, n get 1/(n+1) each, and a newcomer always finds something; nobody counts shares.
"""

from collections.abc import Callable, Hashable


class Budget:
    """Take before you hold, give when you let go; `wait` to be told when something was given."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return self.total - self.free

    def take(self, amount: int, *, held: int) -> bool:
        """Take `amount` whole or not at all; who holds nothing yet may have the last byte."""
        left = self.free - amount
        if left < 0 or (held and held + amount > left):
            return False
        self.free = left
        return True

    def take_some(self, wanted: int, *, held: int) -> int:
        """Take up to `wanted`, and say how many."""
        amount = max(0, min(wanted, (self.free - held) // 2))
        self.free -= amount
        return amount

    def give(self, amount: int) -> None:
        """Give back what was taken; wakes all who wait."""
        self.free += amount
        if self._waiting and amount:
            waiting, self._waiting = self._waiting, {}
            for wake in waiting.values():
                wake()

    def wait(self, who: Hashable, wake: Callable[[], None]) -> None:
        """Call `wake` once, when something is given; one call for each `who`."""
        self._waiting[who] = wake

    def forget(self, who: Hashable) -> None:
        """`who` waits no more."""
        self._waiting.pop(who, None)
