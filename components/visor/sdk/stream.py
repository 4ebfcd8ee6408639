"""A stream to a peer's app: read and write as with asyncio's streams, in one object.

It is a socket; the visor is at the other end of it (or, within one visor, the other app itself). Reading
waits for the socket and takes the bytes in one step, so a read that is cancelled loses nothing. At the end of
the socket the visor is asked whether it was the peer's end or a break: a broken stream never looks whole.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from components.visor.apps.messages import Fault
from components.visor.sdk.asked import Visor
from components.visor.sdk.errors import Misuse, NoAnswer, Refused, StreamReset
from components.visor.sdk.handed import Handed
from components.visor.sdk.socketstate import hung_up
from signal_bus.ids import PublicKey

READ_BYTES: Final = 64 * 1024
LINE_MAX: Final = 64 * 1024
HIGH_WATER: Final = 64 * 1024  # `drain` waits while more is waiting
WRITE_MAX: Final = 16 * 1024 * 1024  # `write` refuses more: whoever writes must drain
WHY_S: Final = 1.0
HAND_OVER_S: Final = 30.0
_SEND: Final = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Stream:
    """One stream. Leaving an `async with` of it closes it."""

    def __init__(
        self, visor: Visor, sock: socket.socket, *, id: int, peer: PublicKey, port: int, rport: int
    ) -> None:
        """`id` is the visor's number for it, 0 between two apps of one visor."""
        sock.setblocking(False)
        self.id = id
        self.peer = peer
        self.port = port
        self.rport = rport
        self._visor = visor
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._outgoing = bytearray()
        self._written = self._taken = 0  # bytes, by the app
        self._at_end = self._eof_wanted = self._closing = self._closed = False
        self._code: int | None = None
        self._told = asyncio.Event()
        self._readable: asyncio.Future[None] | None = None
        self._full = False  # the socket, whose room is waited for
        self._drained = asyncio.Event()
        self._drained.set()

    def __repr__(self) -> str:
        return f"Stream(id={self.id}, peer={self.peer.hex()[:8]}, port={self.port}, rport={self.rport})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._outgoing.clear()
        self.close()
        await self.wait_closed()

    # -- reading

    async def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes, as soon as there are any; b"" at the end. Without `n`, all up to the end."""
        if n < 0:
            while await self._fill():
                pass
            n = len(self._buffer)
        elif n and not self._buffer:
            await self._fill()
        return self._cut(n)

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes. Raises `asyncio.IncompleteReadError` at an earlier end."""
        while len(self._buffer) < n:
            if not await self._fill():
                raise asyncio.IncompleteReadError(self._cut(n), n)
        return self._cut(n)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Up to and with a separator. Raises `IncompleteReadError`, or `LimitOverrunError` past 64 KiB."""
        seen = 0
        while (at := self._buffer.find(separator, seen)) < 0:
            seen = max(0, len(self._buffer) - len(separator) + 1)
            if len(self._buffer) > LINE_MAX:
                raise asyncio.LimitOverrunError(f"no {separator!r} within {LINE_MAX} bytes", seen)
            if not await self._fill():
                raise asyncio.IncompleteReadError(self._cut(len(self._buffer)), None)
        return self._cut(at + len(separator))

    async def readline(self) -> bytes:
        """A line with its newline; what is left at the end, without one."""
        try:
            return await self.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            return exc.partial

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """A line; the iteration ends with the stream."""
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    def at_eof(self) -> bool:
        """Whether nothing is left to be read."""
        return self._at_end and not self._buffer

    def _cut(self, n: int) -> bytes:
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        self._taken += len(data)
        return data

    async def _fill(self) -> bool:
        """Read some more; false at the end. Raises `StreamReset`."""
        while not self._at_end:
            self._refuse_if_closed()
            try:
                data = self._sock.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                await self._until_readable()
                continue
            except OSError:
                data = b""
            if data:
                self._buffer += data
                return True
            self._at_end = True
            await self._learn_why()
        self._raise_if_reset()
        return False

    async def _until_readable(self) -> None:
        if self._readable is not None:
            raise Misuse("two tasks read one stream; let one read and hand out")
        self._readable = self._loop.create_future()
        self._loop.add_reader(self._sock.fileno(), _set, self._readable)
        try:
            await self._readable
        finally:
            self._readable = None
            if not self._closed:
                self._loop.remove_reader(self._sock.fileno())

    async def _learn_why(self) -> None:
        """The visor tells of a break before it closes the socket: what it told is heard first."""
        if not self.id or self._told.is_set():
            return
        behind = self._visor.drain()
        if self._told.is_set() or not behind or not hung_up(self._sock):
            return
        try:
            async with asyncio.timeout(WHY_S):
                await self._told.wait()
        except TimeoutError:
            return  # both sides ended it, and the peer's visor has not confirmed yet

    # -- writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or keep what does not fit now. Raises `StreamReset`; `Misuse` after `write_eof`, `close`."""
        self._refuse_if_closed()
        if self._eof_wanted:
            raise Misuse("the stream was ended by write_eof(); nothing can be written after it")
        self._raise_if_reset()
        if len(self._outgoing) + len(data) > WRITE_MAX + HIGH_WATER and self._outgoing:
            raise Misuse(f"{len(self._outgoing)} bytes wait to be sent: await drain() after writing")
        empty = not self._outgoing
        self._outgoing += data
        self._written += len(data)
        if empty:
            self._flush()
        elif len(self._outgoing) > HIGH_WATER:
            self._drained.clear()

    def wrote(self, count: int) -> None:
        """So many bytes went along with the dial."""
        self._written += count

    def writelines(self, lines: "list[bytes] | tuple[bytes, ...]") -> None:
        """Write several at once."""
        self.write(b"".join(lines))

    async def drain(self) -> None:
        """Wait until little waits to be sent. Raises `StreamReset`."""
        await self._drained.wait()
        self._raise_if_reset()

    def can_write_eof(self) -> bool:
        """Always: each direction has an end of its own."""
        return True

    def write_eof(self) -> None:
        """Nothing more will be written; reading goes on."""
        self._refuse_if_closed()
        self._eof_wanted = True
        if not self._outgoing:
            self._finish()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                with memoryview(self._outgoing) as view:
                    count = self._sock.send(view[:WRITE_MAX], _SEND)
                del self._outgoing[:count]
        except (BlockingIOError, InterruptedError):
            self._full = True
            self._loop.add_writer(self._sock.fileno(), self._flush)
        except OSError:
            self._broken()
        else:
            self._unwatch_room()
            self._finish()
        if len(self._outgoing) > HIGH_WATER:
            self._drained.clear()
        else:
            self._drained.set()

    def _unwatch_room(self) -> None:
        if self._full:
            self._full = False
            self._loop.remove_writer(self._sock.fileno())

    def _broken(self) -> None:
        """Nobody reads at the other end. Why may be told already."""
        self._outgoing.clear()
        self._unwatch_room()
        if self.id:
            self._visor.drain()
        if self._code is None:
            self._code = _GONE
        if self._closing:
            self._close_now()

    def _finish(self) -> None:
        """All was sent: end or close, if that was asked for."""
        if self._closing:
            self._close_now()
        elif self._eof_wanted:
            with contextlib.suppress(OSError):  # the peer is gone: the next read tells
                self._sock.shutdown(socket.SHUT_WR)

    # -- the end

    def close(self) -> None:
        """Close when what was written is sent; what the peer still sends is not read."""
        if self._closing:
            return
        self._closing = True
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)
        if not self._outgoing:
            self._close_now()

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    async def wait_closed(self) -> None:
        """Wait until what was written is sent."""
        while not self._closed:
            self._drained.clear()
            await self._drained.wait()

    async def abort(self, code: int = 256) -> None:
        """Break it off: the peer's app gets an error with this code. Those of apps begin at 256."""
        self._outgoing.clear()
        if self.id and not self._closing:
            await self._visor.reset(self, code)
        self.close()

    def detach(self) -> tuple[socket.socket, bytes]:
        """The socket, non-blocking and the caller's from now on, and bytes that were read from it already."""
        self._refuse_if_closed()
        if self._outgoing:
            raise Misuse("bytes wait to be sent: await drain() until none do, then detach")
        self._loop.remove_reader(self._sock.fileno())
        self._closing = self._closed = True
        self._visor.forget(self)
        return self._sock, self._cut(len(self._buffer))

    async def hand_over(self, sock: socket.socket, *, deadline_s: float = HAND_OVER_S) -> Handed:
        """The visor carries `sock`, a connected TCP or unix socket, in the place of this stream's own.

        What was read and not taken goes to `sock` first, what was written here to the peer. `sock` is closed
        here in any case. Raises `Misuse`, and the stream is as it was; or `Refused`, `NoAnswer`,
        `StreamReset`, `VisorGone` or an `OSError` of `sock`, and the stream is broken off.
        """
        with sock:
            self._check_hand_over()
            try:
                async with asyncio.timeout(deadline_s):
                    handed = await self._given(sock)
            except BaseException as exc:
                self._visor.give_up(self)
                self._outgoing.clear()
                self.close()
                if isinstance(exc, TimeoutError) and not isinstance(exc, NoAnswer):
                    raise NoAnswer(f"what was waiting could not be passed on in {deadline_s:g} s") from exc
                raise
        self.close()
        return handed

    def _check_hand_over(self) -> None:
        self._refuse_if_closed()
        self._raise_if_reset()
        self._visor.check_near()
        if not self.id:
            raise Misuse("a stream between two apps of one visor has no other carrier: copy its bytes")
        if self._eof_wanted or self._readable is not None:
            raise Misuse("a stream that was ended by write_eof(), or is being read, cannot be handed over")

    async def _given(self, sock: socket.socket) -> Handed:
        """In one step when all that came was read, as before an answer; else the visor has to hold on."""
        while self._outgoing:
            self._drained.clear()
            await self._drained.wait()
        sock.setblocking(False)
        await self._pass_on(sock)
        try:
            return await self._visor.give(self, sock.dup())
        except Refused as exc:
            if exc.code != Fault.NOT_HELD:
                raise
        await self._visor.hold(self)
        while await self._fill():
            await self._pass_on(sock)
        return await self._visor.give(self, sock.dup())

    async def _pass_on(self, sock: socket.socket) -> None:
        """What was read and not taken goes to the other socket."""
        if data := self._cut(len(self._buffer)):
            self._taken -= len(data)
            await self._loop.sock_sendall(sock, data)

    @property
    def counts(self) -> tuple[int, int]:
        """Bytes written here, and taken by who reads here."""
        return self._written, self._taken

    def get_extra_info(self, name: str, default: object = None) -> object:
        """`peername` and `sockname` as (key in hexadecimal, port), `socket`, `stream`."""
        known: dict[str, Callable[[], object]] = {
            "peername": lambda: (self.peer.hex(), self.rport),
            "sockname": lambda: ("", self.port),
            "socket": lambda: self._sock,
            "stream": lambda: self.id,
        }
        return known[name]() if name in known else default

    def ended(self, code: int | None) -> None:
        """The visor told that it is over, and why; called by the app's connection."""
        self._code = code if self._code is None or self._code == _GONE else self._code
        self._told.set()

    def _close_now(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._readable is not None:
            self._loop.remove_reader(self._sock.fileno())
        self._unwatch_room()
        self._sock.close()
        self._drained.set()
        self._visor.forget(self)

    def _refuse_if_closed(self) -> None:
        if self._closing:
            raise Misuse("the stream was closed here")

    def _raise_if_reset(self) -> None:
        if self._code is not None:
            raise StreamReset(self._code)


_GONE: Final = 3  # `Code.GONE`: as much as a broken socket tells


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
