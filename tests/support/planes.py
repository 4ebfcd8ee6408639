"""Routers of several nodes in one process, joined by real sockets whose handshake is taken as done."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable

from components.mesh.aead import Cipher
from components.mesh.frame import SIZES, FrameType
from components.mesh.record import Opener, Sealer
from components.visor.plane.leg import Leg
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.table import LegPlan, Plan, Route
from signal_bus.ids import PublicKey

_KEYS = (bytes(range(32)), bytes(range(32, 64)))
LEAST = SIZES[FrameType.DATA][0]
_ids = itertools.count(1000)


class Sink:
    """An end that notes what comes and sends what it is told to."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.small: list[tuple[int, bytes]] = []
        self.over: int | None = None
        self.leg: Leg | None = None
        self.changed = asyncio.Event()
        self.slow = False
        self._to_send = bytearray()

    @property
    def received(self) -> int:
        return sum(len(part) for part in self.data)

    def send(self, data: bytes) -> None:
        assert self.leg is not None
        self._to_send += data
        self.leg.wake()

    def take(self, type: int, payload: memoryview) -> None:
        if type == FrameType.DATA:
            self.data.append(bytes(payload))
        else:
            self.small.append((type, bytes(payload)))
        self.changed.set()

    def pull(self, into: memoryview) -> int:
        size = min(len(into), len(self._to_send))
        if 0 < len(self._to_send) - size < LEAST:  # no unit is that small
            size -= LEAST
        into[:size] = self._to_send[:size]
        del self._to_send[:size]
        return size

    def closed(self, code: int) -> None:
        self.over = code
        self.changed.set()

    async def until(self, probe: Callable[[], bool], deadline_s: float = 10.0) -> None:
        async with asyncio.timeout(deadline_s):
            while not probe():
                self.changed.clear()
                await self.changed.wait()


def joined(
    left: Router, right: Router, pair: tuple[socket.socket, socket.socket] | None = None
) -> tuple[Link, Link]:
    """A link between two routers, and why it ended in `reasons` of each router."""
    ends = pair or socket.socketpair()
    for end in ends:
        end.setblocking(False)
    (to_right, to_left), cipher = _KEYS, Cipher.AES
    return (
        left.join(key(2), ends[0], Sealer(cipher, to_right), Opener(cipher, to_left), _note(left)),
        right.join(key(1), ends[1], Sealer(cipher, to_left), Opener(cipher, to_right), _note(right)),
    )


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


def reasons(router: Router) -> list[str]:
    """Why links of this router ended."""
    return [text for text in router.counts if text.startswith("ended: ")]


def _note(router: Router) -> Callable[[Link, str], None]:
    def ended(link: Link, reason: str) -> None:
        router.counts[f"ended: {reason}"] += 1

    return ended


def route(path: list[tuple[Router, Link | None, Link | None]]) -> tuple[list[Route], Sink, Sink]:
    """Install a route: each node with its link towards the start and its link towards the end."""
    count = len(path) - 1
    forward = [next(_ids) for _ in range(count)]
    back = [next(_ids) for _ in range(count)]
    first, last = Sink(), Sink()
    made = []
    for index, (router, before, after) in enumerate(path):
        legs = []
        if before is not None:
            legs.append(LegPlan(link=before.number, in_id=forward[index - 1], out_id=back[index - 1]))
        if after is not None:
            legs.append(LegPlan(link=after.number, in_id=back[index], out_id=forward[index]))
        end = first if before is None else last if after is None else None
        made.append(router.install(Plan(legs=tuple(legs), owner=b"setup"), end))
    first.leg, last.leg = made[0].legs[0], made[-1].legs[0]
    return made, first, last
