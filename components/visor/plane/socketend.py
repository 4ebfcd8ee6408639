"""The local side of a stream: an app's socket, a socketpair's end or a TCP connection that the app gave us.

Every call carries MSG_DONTWAIT: the O_NONBLOCK of a descriptor that was handed over is shared with the giver,
who could clear it and hang the visor. The stream reads only when the group pulls, so a socket is watched for
bytes only after it had none.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from components.visor.plane.loop import Loop
from components.visor.plane.streams.api import BLOCKED, BROKEN, END, Code
from components.visor.plane.streams.group import Group

_UNIX_BUFFER: Final = 256 * 1024  # towards the app; Linux takes twice of it. TCP sizes its own
_NOW: Final = socket.MSG_DONTWAIT
_NO_SIGNAL: Final = socket.MSG_NOSIGNAL | _NOW


class SocketEnd:
    """Reads and writes one socket for one stream; owns the socket."""

    def __init__(
        self,
        loop: Loop,
        group: Group,
        sock: socket.socket,
        over: Callable[[int | None], None],
        opened: Callable[[], None] | None = None,
    ) -> None:
        """`over` is called once at the end: None when both sides ended it, else the code of the reset.

        `opened` is called when the peer has accepted.
        """
        self.id = 0  # the stream's, once the group gave one
        self.sent_bytes = self.received_bytes = 0
        self._loop = loop
        self._group = group
        self._sock = sock
        self.over = over
        self._opened = opened
        self._reading = self._writing = self._done = False
        if sock.family == socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNIX_BUFFER)

    # -- what the group asks

    def read(self, into: memoryview) -> int:
        """The app's next bytes."""
        try:
            count = self._sock.recv_into(into, 0, _NOW)
        except (BlockingIOError, InterruptedError):
            self._watch()
            return BLOCKED
        except OSError:
            return BROKEN
        self.sent_bytes += count
        return count or END

    def write(self, data: memoryview) -> int:
        """Give bytes to the app."""
        try:
            count = self._sock.send(data, _NO_SIGNAL)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError:
            return BROKEN
        self.received_bytes += count
        if count < len(data) and not self._writing:
            self._writing = True
            self._loop.add_writer(self._sock.fileno(), self._has_room)
        return count

    def end(self) -> None:
        """Nothing more comes for the app."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # the app is gone already: the next read or write tells
            return

    def opened(self) -> None:
        """The peer accepted."""
        self._watch()
        if self._opened is not None:
            self._opened()

    def closed(self, code: int | None) -> None:
        """The stream is over: so is the socket."""
        if self._done:
            return
        self._done = True
        self._unwatch()
        self.over(code)  # before the app sees its socket's end, which makes it ask why
        if code is not None and code != Code.GONE:
            _abort(self._sock)
        self._sock.close()

    # -- what the loop tells

    def _watch(self) -> None:
        if not self._reading and not self._done:
            self._reading = True
            self._loop.add_reader(self._sock.fileno(), self._has_bytes)

    def _has_bytes(self) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._reading = False
        self._group.readable(self.id)

    def _has_room(self) -> None:
        self._loop.remove_writer(self._sock.fileno())
        self._writing = False
        self._group.writable(self.id, self._loop.time())

    def _unwatch(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._sock.fileno())
        if self._writing:
            self._loop.remove_writer(self._sock.fileno())
        self._reading = self._writing = False


def _abort(sock: socket.socket) -> None:
    """A TCP peer is told of a broken stream by a reset, not by an end that looks whole."""
    if sock.family != socket.AF_UNIX:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        except OSError:
            return
