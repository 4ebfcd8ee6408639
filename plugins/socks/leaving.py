"""The exit's end of one stream: who comes, the request, and then the bytes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from components.visor.app import AppError, Stream
from components.visor.kit.exchange import carry
from components.visor.kit.ledger import Entry, Ledger
from components.visor.kit.refusal import turned_away
from plugins.socks import mirror
from plugins.socks.connect import Own, connect, own_addresses
from plugins.socks.destination import Destination
from plugins.socks.outbound import Outbound
from plugins.socks.outward import outward
from plugins.socks.policy import Policy
from plugins.socks.request import BadRequest, Code, Command, Request, parse, reply
from plugins.socks.resolver import NotConnected, Resolver

log = logging.getLogger(__name__)

REQUEST_S: Final = 10.0
MOST: Final = 1024  # connections at a time
OF_ONE: Final = 256  # of one peer
PIECE: Final = 4096
NOT_WELCOME: Final = 257  # what a stream ends with when its peer may not use this exit
_NO_REQUEST: Final = 258
CROWDED: Final = 259  # twice as many streams of one peer as may lead somewhere


class Exit:
    """Serves the streams of one app."""

    def __init__(
        self,
        policy: Policy,
        ledger: Ledger,
        *,
        own: Own = own_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._own = own
        self._clock = clock
        self._names = Resolver()
        self._streams: Counter[str] = Counter()  # of each peer
        self._leading: Counter[str] = Counter()  # those with a request that is being served
        self._crowded = 0
        self.key = ""  # of the exit's own node, shown at its page

    def figures(self) -> dict[str, int]:
        """How often there were too many of something, and how many names are being looked up."""
        return {"crowded": self._crowded + self._names.crowded, "lookups": self._names.under_way}

    async def serve(self, stream: Stream) -> None:
        """Serve one stream to its end; whatever happens stays in it."""
        if not self._policy.is_welcome(stream.peer):
            self._refused(stream, "its key is not on the list")
            await turned_away(stream, NOT_WELCOME)
            return
        peer = stream.peer.hex()
        if self._streams[peer] >= 2 * OF_ONE:
            self._crowded += 1
            self._refused(stream, f"{2 * OF_ONE} streams of this peer are open")
            await turned_away(stream, CROWDED)
            return
        try:
            with _counted(self._streams, peer):
                async with stream:
                    await self._answer(stream)
        except (AppError, OSError, asyncio.IncompleteReadError) as exc:
            log.info("peer=%s: a stream broke: %s", stream.peer.hex()[:8], exc)
        except Exception:  # a bug in one connection must not end the others
            log.exception("peer=%s: a stream failed", stream.peer.hex()[:8])

    async def _answer(self, stream: Stream) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                request, rest = await _request(stream)
        except BadRequest as exc:
            self._refused(stream, str(exc))
            stream.write(exc.reply)
            return
        except TimeoutError:
            self._refused(stream, f"no request within {REQUEST_S:g} s")
            await stream.abort(_NO_REQUEST)
            return
        try:
            await self._carry(stream, request, rest)
        except NotConnected as exc:
            self._refused(stream, str(exc))
            stream.write(reply(request.version, exc.code))

    async def _carry(self, stream: Stream, request: Request, rest: bytes) -> None:
        """Raises `NotConnected`."""
        peer = stream.peer.hex()
        self._check_room(peer)
        with _counted(self._leading, peer):
            await self._lead(stream, request, rest)

    async def _lead(self, stream: Stream, request: Request, rest: bytes) -> None:
        """Raises `NotConnected`."""
        if request.command is Command.CONNECT and mirror.is_asked(request.destination):
            await self._show(stream, request, rest)
        elif request.command is Command.CONNECT:
            await self._connect(stream, request, rest)
        elif request.command is Command.UDP:
            await self._associate(stream, rest)
        else:
            raise NotConnected(Code.NO_SUCH_COMMAND, "BIND is not served")

    def _check_room(self, peer: str) -> None:
        """Raises `NotConnected`."""
        for count, most, whose in (
            (self._leading[peer], OF_ONE, "of this peer"),
            (self._leading.total(), MOST, "in all"),
        ):
            if count >= most:
                self._crowded += 1
                raise NotConnected(Code.FAILED, f"there are {count} connections {whose}")

    async def _connect(self, stream: Stream, request: Request, rest: bytes) -> None:
        began = self._clock()
        look_up = self._names.of(stream.peer.hex())
        with await connect(request.destination, self._policy, look_up, self._own) as sock:
            entry = self._entry(stream, str(request.destination), "tcp", began)
            number = self._ledger.opened(entry)
            try:
                host, port = sock.getsockname()[:2]
                stream.write(reply(request.version, Code.DONE, Destination(host, port)))
                await carry(stream, sock, entry.tally, rest)
            finally:
                self._ledger.closed(number)

    async def _show(self, stream: Stream, request: Request, head: bytes) -> None:
        """The exit's own page, to whoever may use the exit."""
        stream.write(reply(request.version, Code.DONE))
        try:
            async with asyncio.timeout(REQUEST_S):
                while not mirror.is_whole(head) and (more := await stream.read(PIECE)):
                    head += more
        except TimeoutError:
            await stream.abort(_NO_REQUEST)
            return
        stream.write(mirror.answer(self.key, stream.peer.hex(), outward()))
        stream.write_eof()

    async def _associate(self, stream: Stream, rest: bytes) -> None:
        entry = self._entry(stream, "datagrams", "udp", self._clock())
        number = self._ledger.opened(entry)
        try:
            stream.write(reply(5, Code.DONE))
            look_up = self._names.of(stream.peer.hex())
            await Outbound(stream, self._policy, entry, look_up, self._own).run(rest)
        finally:
            self._ledger.closed(number)

    def _entry(self, stream: Stream, destination: str, path: str, began: float) -> Entry:
        now = self._clock()
        return Entry(stream.peer.hex(), destination, now, path, now - began, at_exit=True)

    def _refused(self, stream: Stream, why: str) -> None:
        self._ledger.refused += 1
        log.info("refused peer=%s: %s", stream.peer.hex()[:8], why)


@contextmanager
def _counted(peers: Counter[str], peer: str) -> Iterator[None]:
    """One more of a peer while the block lasts."""
    peers[peer] += 1
    try:
        yield
    finally:
        peers[peer] -= 1
        if not peers[peer]:
            del peers[peer]


async def _request(stream: Stream) -> tuple[Request, bytes]:
    """The request, and what came behind it. Raises `BadRequest` or `IncompleteReadError`."""
    data = b""
    while (request := parse(data)) is None:
        more = await stream.read(PIECE)
        if not more:
            raise asyncio.IncompleteReadError(data, None)
        data += more
    return request, data[request.size :]
