"""The exit's end of the streams: who comes, an address and a device for each, then packets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from components.visor.app import AppError, Stream
from plugins.vpn.device import raised
from plugins.vpn.host import HostError
from plugins.vpn.link import Link, first_frame
from plugins.vpn.names import Asked, failure, is_question
from plugins.vpn.plan import EXIT_DEVICES
from plugins.vpn.pool import Pool, PoolFull
from plugins.vpn.pump import Count
from plugins.vpn.resolver import resolve
from plugins.vpn.tun import TunError
from plugins.vpn.wire import VERSION, Hello, Kind, Lease, Refused, VpnWireError, said, understood

log = logging.getLogger(__name__)

CLIENTS_MOST: Final = 1024
QUESTIONS_MOST: Final = 64  # of one client, under way
AGAIN: Final = "the client came again"
NOT_WELCOME: Final = 257  # what a stream ends with when its peer may not use this exit


class Exit:
    """Serves the streams of one app. A client that comes again takes the place of its older stream."""

    def __init__(
        self,
        pool: Pool,
        *,
        allow: frozenset[bytes],
        abilities: tuple[bool, bool],
        mtu: int,
        resolvers: Sequence[str],
    ) -> None:
        self._pool = pool
        self._allow = allow
        self._abilities = abilities
        self._mtu = mtu
        self._resolvers = resolvers
        self._seats: dict[bytes, _Seat] = {}
        self._refused = 0

    async def serve(self, stream: Stream) -> None:
        """Serve one stream to its end; whatever happens stays in it."""
        who = stream.peer.hex()[:8]
        try:
            if self._allow and stream.peer not in self._allow:
                self._refused += 1
                log.info("refused peer=%s: its key is not on the list", who)
                await stream.abort(NOT_WELCOME)
                return
            async with stream:
                await self._answer(stream)
        except (AppError, OSError, TimeoutError, EOFError, VpnWireError) as exc:
            log.info("peer=%s: its stream ended: %s", who, exc)
        except Exception:  # a bug in one client must not end the others
            log.exception("peer=%s: its stream failed", who)

    async def _answer(self, stream: Stream) -> None:
        kind, body = await first_frame(stream)
        if kind is not Kind.HELLO:
            raise VpnWireError(f"a {kind.name.lower()} instead of a hello")
        hello = understood(body, Hello)
        if hello.version != VERSION:
            await self._refuse(stream, f"this exit speaks version {VERSION}, you {hello.version}")
            return
        try:
            await self._seated(stream, hello)
        except (PoolFull, TunError, HostError) as exc:
            log.error("peer=%s: no tunnel: %s", stream.peer.hex()[:8], exc)
            await self._refuse(stream, str(exc)[:256])

    async def _seated(self, stream: Stream, hello: Hello) -> None:
        """Serve it once an older stream of the same client is over. Raises as `_tunnel` does."""
        peer, seat = stream.peer, _Seat()
        older = self._seats.get(peer)
        if older is None and len(self._seats) >= CLIENTS_MOST:
            raise PoolFull(f"{CLIENTS_MOST} clients are served already")
        self._seats[peer] = seat
        try:
            if older is not None:
                older.leave()
                await older.gone.wait()
            if seat.is_wanted:
                await self._tunnel(stream, hello, seat)
        finally:
            seat.gone.set()
            if self._seats[peer] is seat:
                del self._seats[peer]

    async def _tunnel(self, stream: Stream, hello: Hello, seat: _Seat) -> None:
        """Raises `PoolFull`, `TunError` or `HostError` before the client was answered."""
        peer = stream.peer
        with ExitStack() as stack:
            seat.lease = lease = self._lease(self._pool.take(peer), hello)
            stack.callback(self._pool.give_back, peer)
            tun = raised(f"{EXIT_DEVICES}%d", lease, exit_side=True, ipv6=True)
            stack.callback(tun.close)
            seat.device = tun.name
            stream.write(said(lease))
            await stream.drain()
            sock, rest = stream.detach()
            stack.callback(sock.close)
            async with asyncio.TaskGroup() as group:
                questions = _Questions(group, self._resolvers)
                seat.link = questions.link = Link(tun, sock, rest, questions.asked)
                log.info("peer=%s: %s by device=%s", peer.hex()[:8], lease.ipv4, tun.name)
                why = await seat.link.run() if seat.is_wanted else AGAIN
                log.info("peer=%s: over: %s", peer.hex()[:8], why)

    def _lease(self, number: int, hello: Hello) -> Lease:
        (ipv4, ipv6), (gateway4, gateway6) = self._pool.addresses(number), self._pool.addresses(1)
        whole, uso = self._abilities
        whole = whole and hello.whole
        return Lease(ipv4, gateway4, ipv6, gateway6, self._mtu, whole, whole and uso and hello.uso)

    async def _refuse(self, stream: Stream, why: str) -> None:
        self._refused += 1
        stream.write(said(Refused(why)))
        await stream.drain()

    def figures(self) -> dict[str, Any]:  # Any: plain data of several types
        """What `status` answers."""
        rows = [{"peer": key.hex(), **seat.row()} for key, seat in self._seats.items()]
        return {
            "clients": rows,
            "why": "",
            "peer": f"{len(rows)} client{'' if len(rows) == 1 else 's'}",
            "refused": self._refused,
            "sent_bytes": sum(row["sent_bytes"] for row in rows),
            "received_bytes": sum(row["received_bytes"] for row in rows),
        }


class _Seat:
    """One client's place: `gone` when its device and its address are free."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.is_wanted = True
        self.link: Link | None = None
        self.lease: Lease | None = None
        self.device = ""

    def leave(self) -> None:
        """The client came again: this one is over."""
        self.is_wanted = False
        if self.link is not None:
            self.link.end(AGAIN)

    def row(self) -> dict[str, Any]:  # Any: as above
        """What `status` shows of it."""
        lease, link = self.lease, self.link
        count = Count() if link is None else link.count
        return {
            "ipv4": lease.ipv4 if lease else "",
            "ipv6": lease.ipv6 if lease else "",
            "device": self.device,
            "rtt_seconds": round(link.rtt_s, 4) if link and link.rtt_s else None,
            "sent_bytes": count.sent,
            "received_bytes": count.received,
            "dropped_packets": count.dropped,
        }


class _Questions:
    """Those of one client to resolvers."""

    link: Link

    def __init__(self, group: asyncio.TaskGroup, resolvers: Sequence[str]) -> None:
        self._group = group
        self._resolvers = resolvers
        self._busy = 0

    def asked(self, asked: Asked) -> None:
        """A question came. One too many, or one that is none, is dropped: its asker asks again."""
        if self._busy < QUESTIONS_MOST and is_question(asked.message):
            self._busy += 1
            self._group.create_task(self._answer(asked))

    async def _answer(self, asked: Asked) -> None:
        try:
            answer = await resolve(asked.message, self._resolvers, tcp=asked.tcp)
            self.link.ask(asked._replace(message=answer or failure(asked.message)), Kind.ANSWER)
        finally:
            self._busy -= 1
