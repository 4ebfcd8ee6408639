"""The exit's end of one stream: who comes, the request, and then the bytes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from components.visor.app import AppError, Stream
from components.visor.kit.exchange import carry
from components.visor.kit.ledger import Entry, Ledger
from plugins.socks import mirror
from plugins.socks.connect import NotConnected, Own, connect, own_addresses
from plugins.socks.destination import Destination
from plugins.socks.outbound import Outbound
from plugins.socks.outward import outward
from plugins.socks.policy import Policy
from plugins.socks.request import BadRequest, Code, Command, Request, parse, reply

log = logging.getLogger(__name__)

REQUEST_S: Final = 10.0
MOST: Final = 1024  # connections at a time
PIECE: Final = 4096
NOT_WELCOME: Final = 257  # what a stream ends with when its peer may not use this exit
_NO_REQUEST: Final = 258


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
        self._busy = 0
        self.key = ""  # of the exit's own node, shown at its page

    async def serve(self, stream: Stream) -> None:
        """Serve one stream to its end; whatever happens stays in it."""
        if not self._policy.is_welcome(stream.peer):
            self._refused(stream, "its key is not on the list")
            await _broken_off(stream, NOT_WELCOME)
            return
        self._busy += 1
        try:
            async with stream:
                await self._answer(stream)
        except (AppError, OSError, asyncio.IncompleteReadError) as exc:
            log.info("peer=%s: a stream broke: %s", stream.peer.hex()[:8], exc)
        except Exception:  # a bug in one connection must not end the others
            log.exception("peer=%s: a stream failed", stream.peer.hex()[:8])
        finally:
            self._busy -= 1

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
        if self._busy > MOST:
            raise NotConnected(Code.FAILED, f"more than {MOST} connections")
        if request.command is Command.CONNECT and mirror.is_asked(request.destination):
            await self._show(stream, request, rest)
        elif request.command is Command.CONNECT:
            await self._connect(stream, request, rest)
        elif request.command is Command.UDP:
            await self._associate(stream, rest)
        else:
            raise NotConnected(Code.NO_SUCH_COMMAND, "BIND is not served")

    async def _connect(self, stream: Stream, request: Request, rest: bytes) -> None:
        began = self._clock()
        with await connect(request.destination, self._policy, self._own) as sock:
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
            await Outbound(stream, self._policy, entry, self._own).run(rest)
        finally:
            self._ledger.closed(number)

    def _entry(self, stream: Stream, destination: str, path: str, began: float) -> Entry:
        now = self._clock()
        return Entry(stream.peer.hex(), destination, now, path, now - began, at_exit=True)

    def _refused(self, stream: Stream, why: str) -> None:
        self._ledger.refused += 1
        log.info("refused peer=%s: %s", stream.peer.hex()[:8], why)


async def _request(stream: Stream) -> tuple[Request, bytes]:
    """The request, and what came behind it. Raises `BadRequest` or `IncompleteReadError`."""
    data = b""
    while (request := parse(data)) is None:
        more = await stream.read(PIECE)
        if not more:
            raise asyncio.IncompleteReadError(data, None)
        data += more
    return request, data[request.size :]


async def _broken_off(stream: Stream, code: int) -> None:
    try:
        await stream.abort(code)
    except AppError as exc:
        log.info("peer=%s: %s", stream.peer.hex()[:8], exc)
        stream.close()
