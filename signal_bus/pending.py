"""Requests on their way: who was asked, and the future the asker waits on. One owner, one event loop."""

import asyncio
from typing import NamedTuple

from signal_bus.errors import Busy, RemoteError
from signal_bus.ids import RequestId
from signal_bus.limits import REQUESTS_PER_CLIENT
from signal_bus.messages import Body


class Answer(NamedTuple):
    """An answer and the time it came."""

    body: Body
    at: float


class Pending:
    """Futures by who was asked and the request's id; bounded for each who is asked."""

    def __init__(self, prefix: str, bound: int = REQUESTS_PER_CLIENT) -> None:
        self._prefix = prefix
        self._bound = bound
        self._count = 0
        self._asked: dict[int, dict[str, asyncio.Future[Answer]]] = {}

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._asked.values())

    def open(self, whom: int, what: str) -> tuple[RequestId, asyncio.Future[Answer]]:
        """A new request to `whom`. Raises `Busy` when too many of them are under way."""
        waiting = self._asked.setdefault(whom, {})
        if len(waiting) >= self._bound:
            raise Busy(what, self._bound)
        self._count += 1
        request = RequestId(f"{self._prefix}{self._count}")
        future = waiting[request] = asyncio.get_running_loop().create_future()
        return request, future

    def close(self, whom: int, request: str) -> None:
        """The asker no longer waits."""
        waiting = self._asked.get(whom)
        if waiting is not None:
            waiting.pop(request, None)
            if not waiting:
                del self._asked[whom]

    def answer(self, whom: int, request: str, body: Body, at: float) -> bool:
        """Hand over an answer; false when nobody waits for it (any more)."""
        future = self._asked.get(whom, {}).get(request)
        if future is None or future.done():
            return False
        future.set_result(Answer(body, at))
        return True

    def fail(self, whom: int, request: str, error: RemoteError) -> bool:
        """Hand over the peer's error; false when nobody waits for it."""
        future = self._asked.get(whom, {}).get(request)
        if future is None or future.done():
            return False
        future.set_exception(error)
        return True

    def fail_all(self, whom: int, error: Exception) -> None:
        """All who wait for `whom` wait in vain."""
        for future in self._asked.get(whom, {}).values():
            if not future.done():
                future.set_exception(error)

    def fail_everybody(self, error: Exception) -> None:
        """Nobody will be answered any more."""
        for whom in tuple(self._asked):
            self.fail_all(whom, error)
