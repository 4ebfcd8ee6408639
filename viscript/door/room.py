"""Who is at the door: how many conversations there may be, and how fast another host may ask.

This home's user and callers of other hosts have room apart, so that neither takes the other's. One other host
has a part of the room, and a budget of commands: beyond it, its next command waits. No two begin in one turn
of the loop, so that this home's user waits for one of them at most.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from signal_bus.budget import Budget

SHARE: Final = 4  # one other host has this part of the room at most
COMMANDS_PER_S: Final = 50.0  # of one other host, on average
COMMANDS_BURST: Final = 100.0
KNOWN_MAX: Final = 1024  # hosts whose budget is remembered


class Room:
    """`most` conversations of this home's user, and as many of all others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_one = max(1, most // SHARE)
        self._open: Counter[str] = Counter()  # conversations of each other host
        self._here = 0
        self._budgets: dict[str, Budget] = {}
        self._one_by_one = asyncio.Lock()  # commands of other hosts begin so: each has its turn of the loop

    def enter(self, actor: str | None) -> str:
        """One more, of the host `actor`, or of this home; why there is no room for it, or nothing.

        Whoever entered leaves, also when there was no room.
        """
        if actor is None:
            self._here += 1
            return self._full() if self._here > self._most else ""
        self._open[actor] += 1
        if self._open.total() > self._most:
            return self._full()
        if self._open[actor] > self._of_one:
            return f"{self._of_one} conversations of this host are open already; end one and try again"
        return ""

    def leave(self, actor: str | None) -> None:
        """One less."""
        if actor is None:
            self._here -= 1
            return
        self._open[actor] -= 1
        if not self._open[actor]:
            del self._open[actor]

    async def turn(self, actor: str | None) -> None:
        """Wait until this caller may have its next command."""
        if actor is None:
            return
        loop, budget = asyncio.get_running_loop(), self._budget(actor)
        while not budget.take(loop.time()):  # noqa: ASYNC110 (the budget says how long there is none)
            await asyncio.sleep(budget.wait_s())
        async with self._one_by_one:
            await asyncio.sleep(0)

    def _budget(self, actor: str) -> Budget:
        budget = self._budgets.pop(actor, None)
        if budget is None:
            budget = Budget(COMMANDS_PER_S, COMMANDS_BURST, asyncio.get_running_loop().time())
        self._budgets[actor] = budget
        if len(self._budgets) > KNOWN_MAX:
            del self._budgets[next(iter(self._budgets))]
        return budget

    def _full(self) -> str:
        return f"the daemon has {self._most} conversations open already; end one and try again"
