"""Copies bytes between two sockets, both ways, until both sides have said all or either breaks.

Each direction reads into a scratch buffer that all share and writes at once. What the sink does not take is
kept (at most one buffer), and the source is not read until it is gone: the rest is TCP's own back-pressure.
The end of one direction is passed on as a half-close.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from components.mesh.errors import reason

BUFFER_BYTES: Final = 256 * 1024
STALL_S: Final = 300.0  # a side that takes nothing of what it is sent for so long has left
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))

# Takes the number of bytes read; False when no more may pass.
Charge = Callable[[int], bool]


class _Flow:
    """One direction."""

    def __init__(self, pipe: "Pipe", source: socket.socket, sink: socket.socket) -> None:
        self.done = False
        self.bytes = 0
        self._pipe = pipe
        self._source = source
        self._sink = sink
        self._kept = memoryview(b"")
        self._stall: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._pipe.loop.add_reader(self._source, self._guarded, self._read)

    def stop(self) -> None:
        self._pipe.loop.remove_reader(self._source)
        self._pipe.loop.remove_writer(self._sink)
        self._stop_waiting()

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._pipe.end(reason(exc))

    def _read(self) -> None:
        scratch = self._pipe.scratch
        size = self._source.recv_into(scratch)
        if not size:
            self._pipe.loop.remove_reader(self._source)
            self._finish()
            return
        self.bytes += size
        if not self._pipe.charge(size):
            self._pipe.end("no bytes are left today")
            return
        try:
            sent = self._sink.send(scratch[:size])
        except BlockingIOError:
            sent = 0
        if sent < size:
            self._kept = memoryview(bytes(scratch[sent:size]))
            self._pipe.loop.remove_reader(self._source)
            self._pipe.loop.add_writer(self._sink, self._guarded, self._write)
            self._wait()

    def _write(self) -> None:
        self._kept = self._kept[self._sink.send(self._kept) :]
        self._stop_waiting()
        if self._kept:
            self._wait()
            return
        self._pipe.loop.remove_writer(self._sink)
        self.start()

    def _finish(self) -> None:
        """Pass on the end. Nothing is kept here: while something was, the source was not read."""
        self.done = True
        self._sink.shutdown(socket.SHUT_WR)
        self._pipe.finished()

    def _wait(self) -> None:
        self._stall = self._pipe.loop.call_later(STALL_S, self._pipe.end, "a side reads nothing")

    def _stop_waiting(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


class Pipe:
    """Two connected, non-blocking sockets joined; `run` closes both when it ends."""

    def __init__(
        self, one: socket.socket, two: socket.socket, charge: Charge, scratch: memoryview | None = None
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.charge = charge
        self.scratch = memoryview(bytearray(BUFFER_BYTES)) if scratch is None else scratch
        self._sockets = one, two
        self._flows = _Flow(self, one, two), _Flow(self, two, one)
        self._over: asyncio.Future[str] = self.loop.create_future()

    @property
    def bytes(self) -> int:
        """How many bytes were read, both ways together."""
        return sum(flow.bytes for flow in self._flows)

    async def run(self) -> str:
        """Copy until the end; why it came, empty when both sides had said all."""
        try:
            for sock in self._sockets:
                notice_the_dead(sock)
            for flow in self._flows:
                flow.start()
            return await self._over
        finally:
            for flow in self._flows:
                flow.stop()
            for sock in self._sockets:
                sock.close()

    def end(self, why: str) -> None:
        """Copy no more."""
        if not self._over.done():
            self._over.set_result(why)
        for flow in self._flows:
            flow.stop()

    def finished(self) -> None:
        """One direction is over; with the other, all is."""
        if all(flow.done for flow in self._flows):
            self.end("")


def notice_the_dead(sock: socket.socket) -> None:
    """Have the system ask a silent peer now and then whether it is still there."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        for name, value in _KEEP_ALIVE:
            option = getattr(socket, name, None)  # not every system has all three
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
