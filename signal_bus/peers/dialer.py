"""Connecting to a host's door: one address, one connection, held until its link is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import zmq

from signal_bus import limits
from signal_bus.peers.link import Link, Port
from signal_bus.reactor import Sent, Socket
from signal_bus.wire import Keys, Wire, probe

GREET_S: Final = 5.0  # from the connection to the other side's hello; a frozen host never says it


async def hold(
    context: zmq.Context[Socket], endpoint: str, keys: Keys, arrived: Callable[[Port], Link]
) -> Link:
    """Connect, have `arrived` make the link, and return it when it is over. Raises `Unreachable`."""
    await probe(endpoint)
    port = _WirePort()
    port.wire = Wire(context, endpoint, keys, port.hear, port.lost)
    try:
        link = port.link = arrived(port)
    except BaseException:
        port.close("left")
        raise
    try:
        async with asyncio.timeout(GREET_S):
            await link.met.wait()
        await link.finished.wait()
    except TimeoutError:
        link.end("silent", f"no hello within {GREET_S:g} s")
    finally:
        link.end("left", "this side hangs up")
    return link


class _WirePort:
    """The port of a link that was dialled."""

    wire: Wire
    link: Link | None = None

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""
        return self.wire.send(data)

    def close(self, code: str) -> None:
        """End the connection; a goodbye may still leave."""
        del code
        self.wire.close(limits.LINGER_MS)

    def hear(self, data: bytes) -> None:
        """A message came."""
        if self.link is not None:
            self.link.hear(data)

    def lost(self) -> None:
        """The connection is no more, or could not be made."""
        if self.link is not None:
            self.link.end("gone", "the connection broke, or was refused")
