"""Names looked up for peers: each in a thread of its own, so many at a time, and so many of one peer.

The system's resolver cannot be stopped: who no longer waits for an answer leaves its thread behind, which
counts until it ends. So a peer that asks for names nobody answers uses up its own share and no other's.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Thread
from typing import Any, Final, NamedTuple

from plugins.socks.destination import Destination
from plugins.socks.request import Code

LOOKUP_S: Final = 5.0
ALL: Final = 64  # threads
OF_ONE: Final = 8  # of one peer; more wait for their turn


class NotConnected(Exception):
    """There is no way to the destination; `code` is told to the program."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class Place(NamedTuple):
    """One address of a destination, as `socket.connect` takes it."""

    family: int
    address: tuple[str, int]


LookUp = Callable[[Destination, int], Coroutine[Any, Any, list[Place]]]
Answer = list[tuple[int, int, int, str, Any]]  # Any: an address in the form of its family
Ask = Callable[..., Any]  # Any: as `socket.getaddrinfo`, which answers an `Answer`


class Resolver:
    """`crowded` counts the names whose turn did not come in time."""

    def __init__(self, ask: Ask = socket.getaddrinfo) -> None:
        self._ask = ask
        self._all = asyncio.Semaphore(ALL)
        self._shares: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()  # who waits for a turn or an answer, and threads
        self.under_way = 0
        self.crowded = 0

    def of(self, peer: str) -> LookUp:
        """How one peer's names are looked up; that raises `NotConnected`."""
        return partial(self._look_up, peer)

    async def _look_up(self, peer: str, destination: Destination, kind: int) -> list[Place]:
        share = self._shares.setdefault(peer, asyncio.Semaphore(OF_ONE))
        self._users[peer] += 1
        asked: asyncio.Future[Answer] | None = None
        try:
            async with asyncio.timeout(LOOKUP_S):
                await self._turn(share)
                asked = self._begin(peer, share, destination, kind)
                found = await asked
        except TimeoutError as exc:
            raise NotConnected(Code.TOO_LATE, f"{destination}: {self._late(asked)}") from exc
        except (OSError, UnicodeError) as exc:  # a name with an empty label is no Unicode's fault
            raise NotConnected(Code.NO_HOST, f"{destination}: the name is not known") from exc
        finally:
            self._leave(peer)
        return [Place(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found]

    def _late(self, asked: object) -> str:
        if asked is not None:
            return "no answer from the resolver"
        self.crowded += 1
        return f"{self.under_way} names are being looked up, at most {OF_ONE} of one peer, {ALL} in all"

    async def _turn(self, share: asyncio.Semaphore) -> None:
        await share.acquire()
        try:
            await self._all.acquire()
        except BaseException:
            share.release()
            raise

    def _begin(
        self, peer: str, share: asyncio.Semaphore, destination: Destination, kind: int
    ) -> asyncio.Future[Answer]:
        """What the resolver will answer; its turn ends with the thread."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def ended(found: Answer | BaseException) -> None:
            self.under_way -= 1
            share.release()
            self._all.release()
            self._leave(peer)
            if answer.done():
                return
            if isinstance(found, BaseException):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        self.under_way += 1
        self._users[peer] += 1
        try:
            Thread(target=_work, args=(self._ask, destination, kind, loop, ended), daemon=True).start()
        except RuntimeError as exc:  # the system has no thread for us
            ended(NotConnected(Code.FAILED, f"{destination}: {exc}"))
        return answer

    def _leave(self, peer: str) -> None:
        self._users[peer] -= 1
        if not self._users[peer]:
            del self._users[peer], self._shares[peer]


def _work(
    ask: Ask,
    destination: Destination,
    kind: int,
    loop: asyncio.AbstractEventLoop,
    ended: Callable[[Answer | BaseException], None],
) -> None:
    """In a thread."""
    try:
        found: Answer | BaseException = ask(destination.host, destination.port, type=kind)
    except Exception as exc:  # noqa: BLE001 (told to who asked, whatever it is)
        found = exc
    try:
        loop.call_soon_threadsafe(ended, found)
    except RuntimeError:  # the exit has ended meanwhile: nobody asks any more
        return
