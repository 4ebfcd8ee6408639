"""A guest's command from the gateway to a host of its own cluster: a stream of the kind "guest".

    -> Order       whose command it is, what is shared with them
    <- Told        what came of it, then the end

Who opens it shows the cluster's warrant (warrant.py), else it is refused before anything is read.
The order can only take away from what the gateway itself may do there: its role on that host still counts.
Hosts that do not know the kind refuse the stream, so none takes a guest's command for the gateway's own.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import msgspec

from viscript.cluster.links.api import Caller, HostLinks, HostState, Stream
from viscript.cluster.model import covers
from viscript.cluster.peering.framing import framed, message, unless_it_ends
from viscript.cluster.peering.guest import Done, Guest, Guests
from viscript.cluster.peering.terms import ASK_S, ROW_CHARS, Share
from viscript.cluster.peering.warrant import META
from viscript.errors import ExitCode
from viscript.verbs.table import Terminal

ORDER_BYTES: Final = 128 * 1024
DONE_BYTES: Final = 4 * ROW_CHARS + 4096
READ_S: Final = 5.0
_Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A command of another cluster."""

    cluster: _Key
    share: Share
    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=256)]
    timeout: Annotated[float, msgspec.Meta(gt=0, le=ASK_S)]
    columns: Annotated[int, msgspec.Meta(ge=20, le=1000)] = 80
    ascii: bool = True
    most: Annotated[int, msgspec.Meta(ge=1, le=ROW_CHARS)] = ROW_CHARS

    @property
    def guest(self) -> Guest:
        """Whose it is."""
        return Guest(cluster=self.cluster, share=self.share)

    @property
    def terminal(self) -> Terminal:
        """A screen for what is gathered."""
        return Terminal(out=True, err=True, columns=self.columns, ascii=self.ascii)


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    code: Annotated[int, msgspec.Meta(ge=0, le=255)]
    out: Annotated[str, msgspec.Meta(max_length=2 * ROW_CHARS)] = ""
    err: Annotated[str, msgspec.Meta(max_length=2 * ROW_CHARS)] = ""


async def serve(guests: Guests, stream: Stream, caller: Caller) -> None:
    """Take one order and answer it; given up when the gateway hangs up, as it does when a peering ends."""
    async with asyncio.timeout(READ_S):
        order = await message(stream, Order, ORDER_BYTES)
    done = await unless_it_ends(stream, _done(guests, order, caller))
    if done is not None:
        await stream.write(framed(_Told(code=done.code, out=done.out, err=done.err)))


async def _done(guests: Guests, order: Order, caller: Caller) -> Done:
    """Nobody gets more through a host than that host has."""
    if not covers(caller.role, order.share.role):
        return Done(code=ExitCode.NOT_PERMITTED, err=f"the gateway has the role {caller.role} here\n")
    try:
        async with asyncio.timeout(order.timeout):
            return await guests.run(order.guest, order.argv, order.terminal, order.most)
    except TimeoutError:
        return Done(code=ExitCode.TIMED_OUT, err=f"not done within {order.timeout:g} s\n")


async def pass_to(links: HostLinks, host: HostState, order: Order, warrant: str = "") -> Done:
    """Have another host of this cluster do it. Raises `HostAway`, `StreamRefused`, `BadOrder`."""
    stream = await links.open(host.key, "guest", order.timeout, {META: warrant})
    try:
        await stream.write(framed(order))
        told = await message(stream, _Told, DONE_BYTES)
    except BaseException:
        await stream.close("left", "the caller has left")
        raise
    await stream.close()
    return Done(code=told.code, out=told.out, err=told.err)
