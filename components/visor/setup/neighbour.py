"""Routes of one hop, ordered over the link itself: two neighbours need no setup node, nor an address to call.

A handshake frame on route 0 holds one msgpack message, as on a control channel:

question   {id, method: "install" or "abort", body}
answer     {re} or {re, err: {code, text}}

The link says who asks; the order is signed besides, so that the agent treats it as any other direct one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Final

import msgspec

from components.mesh import payloads
from components.mesh.channel import Fault, Message, Nothing
from components.mesh.errors import Busy, MeshError, RemoteError, TimedOut, Unreachable, WireError
from components.mesh.frame import SIZES, FrameType
from components.mesh.payloads import Body
from components.mesh.setup import ABORT, INSTALL, Abort, Install
from components.visor.links.manager import Links
from components.visor.plane.link import Link
from components.visor.plane.table import LINK_ROUTE
from components.visor.setup.agent import Agent
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

UNDER_WAY: Final = 256
LARGEST: Final = SIZES[FrameType.HANDSHAKE][1]


class LinkCalls:
    """Calls a neighbour over its link, as a pool of channels would; answers what neighbours ask."""

    def __init__(self, links: Links, agent: Agent) -> None:
        self._links = links
        self._agent = agent
        self._numbers = itertools.count(1)
        self._waiting: dict[tuple[PublicKey, int], asyncio.Future[Message]] = {}

    async def call(
        self,
        peer: PublicKey,
        method: str,
        body: msgspec.Struct | None,
        reply: type[Body],
        *,
        deadline_s: float,
    ) -> Body:
        """The neighbour's answer. Raises `RemoteError` as it says, `Unreachable`, `Busy` or `TimedOut`."""
        found = self._links.by_peer(peer)
        if not found:
            raise Unreachable(peer.hex(), "there is no link to it")
        if len(self._waiting) >= UNDER_WAY:
            raise Busy("orders to neighbours", UNDER_WAY)
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[peer, number] = answer
        try:
            _send(found[0], Message(id=number, method=method, body=payloads.raw(body)))
            async with asyncio.timeout(deadline_s):
                message = await answer
        except TimeoutError as exc:
            raise TimedOut(f"{method} over the link", deadline_s) from exc
        finally:
            del self._waiting[peer, number]
        if message.err is not None:
            raise RemoteError(message.err.code, message.err.text)
        return payloads.decode(message.body, reply)

    def heard(self, link: Link, data: bytes) -> None:
        """A neighbour said something. Raises `WireError` for what is no message: the link is closed then."""
        message = payloads.decode(data, Message)
        if message.re:
            waiting = self._waiting.get((link.peer, message.re))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif message.id:
            _send(link, self._answer(link.peer, message))

    def _answer(self, caller: PublicKey, asked: Message) -> Message:
        try:
            self._carry_out(caller, asked)
        except RemoteError as exc:
            return Message(re=asked.id, err=Fault(exc.code, exc.text[:256]))
        except MeshError as exc:
            return Message(re=asked.id, err=Fault("bad-request", str(exc)[:256]))
        return Message(re=asked.id, body=payloads.raw(Nothing()))

    def _carry_out(self, caller: PublicKey, asked: Message) -> None:
        if asked.method == INSTALL:
            order = payloads.decode(asked.body, Install)
            if order.end is None:
                raise WireError("a neighbour orders routes that end here, no others")
            self._agent.install(caller, order)
        elif asked.method == ABORT:
            self._agent.abort(caller, payloads.decode(asked.body, Abort))
        else:
            raise RemoteError("unsupported", f"nothing is called {asked.method!r} here")


def _send(link: Link, message: Message) -> None:
    data = payloads.encode(message)
    if len(data) > LARGEST:
        raise WireError(f"a message of {len(data)} bytes to a neighbour (at most {LARGEST})")
    link.tell(FrameType.HANDSHAKE, LINK_ROUTE, data)
