"""Round trips to peers over their routes, encrypted end to end like all else: messages to port 48.

question  b"?" | token 8      to port 48
answer    b"!" | token 8      back to port 48

Messages are at most once: one that does not come back in time is lost, and said so.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from statistics import median
from typing import Final

from components.mesh.errors import Busy
from components.mesh.ports import AppPort
from components.visor.plane.joint import Joint
from signal_bus.ids import PublicKey

TOKEN_BYTES: Final = 8
DEADLINE_S: Final = 2.0
UNDER_WAY: Final = 1024
_ASK: Final = b"?"
_ANSWER: Final = b"!"


@dataclass(frozen=True)
class Trips:
    """What came of some pings; `seconds` holds the trips that came back, in order."""

    count: int
    seconds: tuple[float, ...]

    @property
    def lost(self) -> int:
        """How many did not come back."""
        return self.count - len(self.seconds)

    @property
    def figures(self) -> tuple[float, float, float] | None:
        """Least, median and most seconds; None when none came back."""
        if not self.seconds:
            return None
        return min(self.seconds), median(self.seconds), max(self.seconds)


class Pinger:
    """Asks and answers."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[PublicKey, bytes], asyncio.Future[float]] = {}

    async def ping(self, joint: Joint, count: int = 1, interval_s: float = 0.1) -> Trips:
        """Ask `count` times, one after the other. Raises `Busy` where too many pings are under way."""
        taken: list[float] = []
        for turn in range(count):
            if turn:
                await asyncio.sleep(interval_s)
            trip = await self._once(joint)
            if trip is not None:
                taken.append(trip)
        return Trips(count, tuple(taken))

    def take(self, joint: Joint, body: memoryview) -> None:
        """A message came to our port."""
        kind, token = bytes(body[:1]), bytes(body[1:])
        if len(token) != TOKEN_BYTES:
            return
        if kind == _ASK:
            joint.group.send(AppPort.PING, _ANSWER + token, source=AppPort.PING)
        elif kind == _ANSWER:
            waiting = self._waiting.get((joint.peer, token))
            if waiting is not None and not waiting.done():
                waiting.set_result(asyncio.get_running_loop().time())

    async def _once(self, joint: Joint) -> float | None:
        if len(self._waiting) >= UNDER_WAY:
            raise Busy("pings", UNDER_WAY)
        loop = asyncio.get_running_loop()
        token = secrets.token_bytes(TOKEN_BYTES)
        key = joint.peer, token
        answer: asyncio.Future[float] = loop.create_future()
        self._waiting[key] = answer
        started = loop.time()
        try:
            if not joint.group.send(AppPort.PING, _ASK + token, source=AppPort.PING):
                return None
            async with asyncio.timeout(DEADLINE_S):
                ended = await answer
            return ended - started
        except TimeoutError:
            return None
        finally:
            del self._waiting[key]
