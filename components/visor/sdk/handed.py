"""A socket that was handed over to the visor: the visor carries its bytes, the app only watches."""

import asyncio
from typing import Protocol

from components.visor.apps.messages import Ended
from components.visor.sdk.errors import StreamReset, VisorGone
from signal_bus.ids import PublicKey


class Visor(Protocol):
    """What it asks of its app."""

    async def reset(self, stream: "Handed", code: int) -> None:
        """Break it off."""


class Handed:
    """`id` is the visor's number for it, 0 when it went to an app of the same visor: then no end is told."""

    def __init__(
        self, visor: Visor, *, peer: PublicKey, rport: int, before: tuple[int, int] = (0, 0)
    ) -> None:
        """`before` the hand-over so many bytes were sent and received."""
        self.id = self.port = 0  # until the visor answered
        self.peer = peer
        self.rport = rport
        self.sent_bytes = self.received_bytes = 0  # since then, as last told: by `describe`, and at the end
        self.known = False  # whether it was told since
        self._before = before
        self._visor = visor
        self._over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"Handed(id={self.id}, peer={self.peer.hex()[:8]}, rport={self.rport})"

    def counted(self, sent: int, received: int) -> None:
        """The visor told how much went over the whole stream by now."""
        self.known = True
        self.sent_bytes = max(0, sent - self._before[0])
        self.received_bytes = max(0, received - self._before[1])

    async def wait(self) -> tuple[int, int]:
        """Bytes sent and received by the whole stream, when it is over.

        Raises `StreamReset` if it broke, or `VisorGone`.
        """
        over = await asyncio.shield(self._over)
        if over.code is not None:
            raise StreamReset(over.code)
        return over.sent, over.received

    async def abort(self, code: int = 256) -> None:
        """Break it off; both sockets are closed."""
        if not self._over.done():
            await self._visor.reset(self, code)

    def over(self, ended: Ended) -> None:
        """The visor told its end."""
        if not self._over.done():
            self.counted(ended.sent, ended.received)
            self._over.set_result(ended)

    def gone(self, why: str) -> None:
        """The visor is gone, and the stream with it."""
        if not self._over.done():
            self._over.set_exception(VisorGone(f"the visor is gone: {why}"))
            self._over.exception()  # seen: not everybody waits for the end
