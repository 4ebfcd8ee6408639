"""One stream between client and exit, after their first words: packets, signs of life, what else is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from components.visor.app import Stream
from plugins.vpn.names import Asked, packed, unpacked
from plugins.vpn.pump import Count, Pump
from plugins.vpn.tun import Tun
from plugins.vpn.wire import HEAD, Hello, Kind, Lease, Refused, VpnWireError, said, split_head, understood

PING_S: Final = 3.0
SILENT_S: Final = 10.0  # nothing heard for so long: the path is dead
FIRST_S: Final = 10.0  # for the first frame of the other end

Words = Callable[[Asked], None]


class Link:
    """Runs over a stream that its app has detached."""

    def __init__(self, tun: Tun, sock: socket.socket, rest: bytes, heard: Words) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._heard = heard
        self.rtt_s: float | None = None
        self._pump = Pump(tun, sock, rest, other=self._other, over=self._over)

    @property
    def count(self) -> Count:
        """What went through."""
        return self._pump.count

    @property
    def silent_s(self) -> float:
        """How long nothing was heard."""
        return self._loop.time() - self._pump.heard

    async def run(self) -> str:
        """Until it is over; why."""
        try:
            while not self._ended.done():
                self._pump.say(Kind.PING, int(self._loop.time() * 1e6).to_bytes(8, "big"))
                await asyncio.wait([self._ended], timeout=PING_S)
                if self.silent_s > SILENT_S:
                    return f"nothing was heard for {self.silent_s:.0f} s"
            return self._ended.result()
        finally:
            self._pump.close()

    def end(self, why: str) -> None:
        """It is over."""
        self._pump.close()
        self._over(why)

    def ask(self, asked: Asked, kind: Kind = Kind.QUESTION) -> bool:
        """Send a question, or an answer; whether there was room."""
        return self._pump.say(kind, packed(asked))

    def _over(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)

    def _other(self, kind: Kind, body: bytes) -> None:
        """Raises `VpnWireError`."""
        match kind:
            case Kind.PING:
                self._pump.say(Kind.PONG, body[:8])
            case Kind.PONG:
                self.rtt_s = max(0.0, self._loop.time() - int.from_bytes(body[:8], "big") / 1e6)
            case Kind.QUESTION | Kind.ANSWER:
                self._heard(unpacked(body))
            case _:
                raise VpnWireError(f"a {kind.name.lower()} in the middle")


async def first_frame(stream: Stream) -> tuple[Kind, bytes]:
    """The first frame of the other end. Raises `VpnWireError`, `AppError`, `TimeoutError`, `EOFError`."""
    async with asyncio.timeout(FIRST_S):
        kind, size = split_head(await stream.readexactly(HEAD))
        return kind, await stream.readexactly(size)


async def hello(stream: Stream, ours: Hello) -> Lease | Refused:
    """The client's first words, and what the exit says to them. Raises as `first_frame` does."""
    stream.write(said(ours))
    kind, body = await first_frame(stream)
    if kind is Kind.REFUSED:
        return understood(body, Refused)
    if kind is not Kind.LEASE:
        raise VpnWireError(f"a {kind.name.lower()} instead of a lease")
    return understood(body, Lease).checked()
