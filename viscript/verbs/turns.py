"""Turns of long work: however many verbs have much to do, one piece is done between two rounds of the loop.

Each that has more to do waits for its turn; who came first is first. What else the daemon has to do, such as
a ping, then waits for one piece, not for one of each.
"""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary


class Turns:
    """The line of those that wait, in one event loop."""

    def __init__(self) -> None:
        self.thread = asyncio.Lock()  # long work in a thread: one at a time, they would share one processor
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._called = False

    async def wait(self) -> None:
        """Come back when it is the caller's turn."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._call()
        await mine

    def _call(self) -> None:
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._called = False
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # else its verb was cancelled meanwhile
                first.set_result(None)
                break
        if self._waiting:
            self._call()


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """The line of the running loop."""
    return _TURNS.setdefault(asyncio.get_running_loop(), Turns())
