"""How much nonsense one sender may send before it is not heard for a while. Pure: time is an argument.

To refuse a message costs far more than to drop it unread. A program that was refused too often, or that says
hello over and over, is muted: for a moment its messages are dropped before they are decoded.
"""

from collections import OrderedDict
from collections.abc import Hashable

from signal_bus import limits
from signal_bus.budget import Budget


class Patience:
    """One budget a sender; the sender that was heard of least lately is forgotten first."""

    def __init__(self) -> None:
        self._budgets: OrderedDict[Hashable, Budget] = OrderedDict()
        self._muted: dict[Hashable, float] = {}

    def lose(self, who: Hashable, now: float) -> bool:
        """One message of `who` had to be refused; true if that mutes it."""
        budget = self._budgets.pop(who, None) or Budget(limits.FAULTS_PER_S, limits.FAULTS_BURST, now)
        self._budgets[who] = budget
        if len(self._budgets) > limits.STRANGERS:
            self._muted.pop(self._budgets.popitem(last=False)[0], None)
        if budget.take(now):
            return False
        self._muted[who] = now + limits.MUTED_S
        return True

    def hears(self, who: Hashable, now: float) -> bool:
        """Whether the messages of `who` are to be read."""
        if not self._muted:  # as always, nearly
            return True
        until = self._muted.get(who)
        if until is None:
            return True
        if now < until:
            return False
        del self._muted[who]
        return True
