"""A control connection: messages and descriptors both ways over one unix socket, without a task.

A descriptor is sent with the first byte of its message, so it never comes later than the message. Those that
came are given out in order to the messages that say they have one; one that nobody claims is a fault.

What cannot be written at once waits, within bounds: `send` tells when they are reached, and the caller
decides (drop, refuse, hang up). Nobody else is held up by a peer that does not read.
"""

import logging
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from components.mesh.errors import CallerError, WireError, reason
from components.visor.apps import codec
from components.visor.apps.limits import FDS_AT_ONCE, MAX_OWED, MAX_WAITING, MAX_WAITING_BYTES, READ_BYTES
from components.visor.plane.loop import Loop

log = logging.getLogger(__name__)

M = TypeVar("M")
Take = Callable[[M, int | None], None]
_RECEIVE: Final = socket.MSG_DONTWAIT | getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_INT: Final = struct.Struct("i")
_ROOM: Final = socket.CMSG_SPACE(FDS_AT_ONCE * _INT.size)
_SEND: Final = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Waiting(NamedTuple):
    """What was not written yet, and the socket that goes with its first byte."""

    data: memoryview
    handing: socket.socket | None


class Channel(Generic[M]):
    """Owns the socket. `take` gets each message with its descriptor, which is the taker's then.

    `ended` is called once, with why, unless `close` was.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        decoder: msgspec.msgpack.Decoder[M],
        take: Take[M],
        ended: Callable[[str], None],
    ) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._cutter = codec.Cutter(decoder)
        self._take = take
        self._ended = ended
        self._descriptors: deque[int] = deque()
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._open = True
        self._full = False  # the socket, whose room is waited for
        loop.add_reader(sock.fileno(), self.receive)

    # -- out

    @property
    def has_room(self) -> bool:
        """Whether `send` would take another message that is not owed."""
        return self._open and len(self._waiting) < MAX_WAITING and self._waiting_bytes < MAX_WAITING_BYTES

    def send(
        self, message: msgspec.Struct, handing: socket.socket | None = None, *, owed: bool = False
    ) -> bool:
        """Send or queue it; false when too much waits. `handing` is closed here, whatever happens.

        What is `owed`, an answer or a stream's end, has more room: one for each stream may be due at once.
        """
        if not (self.has_room or (owed and self._open and len(self._waiting) < MAX_OWED)):
            if handing is not None:
                handing.close()
            return False
        try:
            data = memoryview(codec.encode(message))
        except CallerError:
            if handing is not None:
                handing.close()
            raise
        self._waiting.append(Waiting(data, handing))
        self._waiting_bytes += len(data)
        if len(self._waiting) == 1:
            self._flush()
        return True

    def _flush(self) -> None:
        try:
            while self._waiting:
                self._write_next()
        except (BlockingIOError, InterruptedError):
            self._full = True
            self._loop.add_writer(self._sock.fileno(), self._flush)
        except OSError as exc:
            # The reader tells it, from the loop: who sends is in the middle of something.
            self._drop_waiting()
            self._unwatch_room()
            self._loop.call_soon(self.end, f"the connection broke: {reason(exc)}")
        else:
            self._unwatch_room()

    def _unwatch_room(self) -> None:
        if self._full:
            self._full = False
            self._loop.remove_writer(self._sock.fileno())

    def _write_next(self) -> None:
        data, handing = self._waiting[0]
        if handing is None:
            count = self._sock.send(data, _SEND)
        else:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, _INT.pack(handing.fileno()))
            count = self._sock.sendmsg([data], [rights], _SEND)
            handing.close()
        self._waiting_bytes -= count
        if count == len(data):
            self._waiting.popleft()
        else:
            self._waiting[0] = Waiting(data[count:], None)

    # -- in

    def receive(self) -> bool:
        """Take what has arrived, and say whether anything had; for the loop, and for who must know now."""
        if not self._open:
            return False
        try:
            data, descriptors, flags = _received(self._sock)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as exc:
            self.end(f"the connection broke: {reason(exc)}")
            return False
        self._descriptors += descriptors
        if flags & socket.MSG_CTRUNC:
            self.end(f"more than {FDS_AT_ONCE} descriptors came with one message")
        elif not data:
            self.end("the connection was closed")
        else:
            self._deliver(data)
        return True

    def _deliver(self, data: bytes) -> None:
        self._cutter.feed(data)
        try:
            for message in self._cutter.messages():
                self._take(message, self._claimed(message))
                if not self._open:
                    return
            if len(self._descriptors) > FDS_AT_ONCE:
                raise WireError("descriptors came that no message speaks of")
        except WireError as exc:
            log.warning("ended a control connection: %s", exc)
            self.end(f"the other side broke the rules: {exc}")

    def _claimed(self, message: M) -> int | None:
        if not getattr(message, "fd", False):
            return None
        if not self._descriptors:
            raise WireError("a message speaks of a descriptor, and none came with it")
        return self._descriptors.popleft()

    # -- the end

    def end(self, why: str) -> None:
        """Close, and tell the owner why."""
        if self._open:
            self.close()
            self._ended(why)

    def close(self) -> None:
        """Close at once: what waits is dropped."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock.fileno())
        self._unwatch_room()
        self._drop_waiting()
        while self._descriptors:
            os.close(self._descriptors.popleft())
        self._sock.close()

    def _drop_waiting(self) -> None:
        for _, handing in self._waiting:
            if handing is not None:
                handing.close()
        self._waiting.clear()
        self._waiting_bytes = 0


def _received(sock: socket.socket) -> tuple[bytes, list[int], int]:
    """Bytes, descriptors and flags of one read. (`socket.recv_fds` forgets the flags it is given.)"""
    data, ancillary, flags, _ = sock.recvmsg(READ_BYTES, _ROOM, _RECEIVE)
    descriptors: list[int] = []
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            whole = len(payload) - len(payload) % _INT.size
            descriptors += (number for (number,) in _INT.iter_unpack(payload[:whole]))
    return data, descriptors, flags
