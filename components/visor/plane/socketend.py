"""The local side of a stream: an app's socket, a socketpair's end or a TCP connection that the app gave us.

Every call carries MSG_DONTWAIT: the O_NONBLOCK of a descriptor that was handed over is shared with the giver,
who could clear it and hang the visor. The stream reads only when the group pulls. A socket is watched for
bytes after it had none, and as long as the group comes for what it is told of.

An app may once put another socket in the place of the first, so that no byte is lost or passes another: at
once when it has read all that was written to the first, else in two steps. `hold` ends what is written to the
first, `give` brings the second. What the app wrote to the first one is read before.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from components.visor.plane.loop import Loop
from components.visor.plane.streams.api import BLOCKED, BROKEN, END, Code
from components.visor.plane.streams.group import Group
from components.visor.plane.streams.limits import EARLY_MAX
from components.visor.plane.streams.tally import Tally

_UNIX_BUFFER: Final = 256 * 1024  # towards the app; Linux takes twice of it. TCP sizes its own
_NOW: Final = socket.MSG_DONTWAIT
_NO_SIGNAL: Final = socket.MSG_NOSIGNAL | _NOW
_LINGER: Final = struct.Struct("ii")  # whether to wait, and how long; on and 0: a reset


Turn = Callable[[Callable[[], None]], None]
"""Does something, and sends at its end what that made ready."""


def _at_once(work: Callable[[], None]) -> None:
    work()


class Carried(Enum):
    """Which socket the stream is carried by."""

    FIRST = auto()
    HELD = auto()  # none: what comes for the app waits
    GIVEN = auto()


class SocketEnd:
    """Reads and writes one socket for one stream; owns the socket."""

    def __init__(
        self,
        loop: Loop,
        group: Group,
        sock: socket.socket,
        over: Callable[[int | None], None],
        opened: Callable[[], None] | None = None,
        turn: Turn = _at_once,
    ) -> None:
        """`over` is called once at the end: None when both sides ended it, else the code of the reset.

        `opened` is called when the peer has accepted. What the loop tells is passed on within `turn`.
        """
        self._turn = turn
        self.id = 0  # the stream's, once the group gave one
        self.sent_bytes = self.received_bytes = 0
        self.tally: Tally | None = None  # what both ends know to have gone by; from `Joint`
        self._loop = loop
        self._group = group
        self._sock = sock
        self.over = over
        self._opened = opened
        self._before: socket.socket | None = None  # of which the rest is read first
        self._reading = self._writing = self._done = False
        self._told = False  # the group knows of bytes and did not come yet
        self._carried = Carried.FIRST
        self._early = 0  # bytes that were sent and are in the socket still
        self._ended = False  # the peer has
        self._ending: int | None = None  # what `read` says from now on: `END` or `BROKEN`
        self.dry = False  # see `Endpoint`
        if sock.family == socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNIX_BUFFER)

    def open(self, port: int, source: int) -> None:
        """Ask the peer for a stream; what waits in the socket goes along. Raises `LimitError`."""
        self.id = self._group.open(port, self, source=source, now=self._loop.time())
        early = self._peek()
        if early and self._group.early(self.id, early):
            self._early = len(early)

    def _peek(self) -> bytes:
        """They stay there: the app has them still when the peer refuses."""
        try:
            return self._sock.recv(EARLY_MAX, socket.MSG_PEEK | _NOW)
        except OSError:
            return b""

    # -- what the group asks

    def read(self, into: memoryview) -> int:
        """The app's next bytes."""
        self._told = False
        if self._before is not None and (rest := self._rest(self._before, into)):
            return rest
        self.dry = False
        if self._ending is not None:
            return self._ending
        count = self._receive(into)
        if 0 < count < len(into):  # see at once whether that was all
            count += max(0, self._receive(into[count:]))
        return count

    def _receive(self, into: memoryview) -> int:
        try:
            count = self._sock.recv_into(into, 0, _NOW)
        except (BlockingIOError, InterruptedError):
            self.dry = True
            self._watch()
            return BLOCKED
        except OSError:
            self._ending = BROKEN
            return BROKEN
        if not count:
            self._ending = END
            self._unread()
            return END
        self.sent_bytes += count
        return count

    def _rest(self, before: socket.socket, into: memoryview) -> int:
        """What the app wrote before it gave another socket; 0 when that was all."""
        try:
            count = before.recv_into(into, 0, _NOW)
        except OSError:
            count = 0
        if not count:
            before.close()
            self._before = None
        self.sent_bytes += count
        return count

    def write(self, data: memoryview) -> int:
        """Give bytes to the app."""
        if self._carried is Carried.HELD:
            return 0
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
        self._ended = True
        self._end_socket()

    def _end_socket(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # the app is gone already: the next read or write tells
            return

    def opened(self) -> None:
        """The peer accepted."""
        self._take_early()
        self._watch()
        if self._opened is not None:
            self._opened()

    def _take_early(self) -> None:
        """What went along with the opening is out of the app's hands now."""
        self.sent_bytes += self._early
        while self._early:
            try:
                count = len(self._sock.recv(self._early, _NOW))
            except OSError:
                count = 0
            self._early = self._early - count if count else 0  # none: the app took them back

    def closed(self, code: int | None) -> None:
        """The stream is over: so is the socket."""
        if self._done:
            return
        self._done = True
        self._unwatch()
        self.over(code)  # before the app sees its socket's end, which makes it ask why
        whole = code is None or (code == Code.GONE and self._ended)
        for sock in (self._sock, self._before):
            if sock is not None:
                _close(sock, abort=not whole)

    # -- what the app asks

    @property
    def held(self) -> bool:
        """Whether `give` may follow: the first socket is held, or the app has read all of it."""
        return self._carried is Carried.HELD or (self._carried is Carried.FIRST and _is_read(self._sock))

    def hold(self) -> None:
        """Write nothing more to the first socket: the app sees the end of what it has."""
        if self._carried is not Carried.FIRST or self._done:
            return
        self._carried = Carried.HELD
        if self._writing:
            self._loop.remove_writer(self._sock.fileno())
            self._writing = False
        self._end_socket()

    def give(self, sock: socket.socket) -> None:
        """Go on with `sock`, which is owned here from now on."""
        self._unwatch()
        self._before, self._sock, self._carried = self._sock, sock, Carried.GIVEN
        if self._ended:
            self._end_socket()
        if self._ending is None:
            self._group.readable(self.id)
        self._group.writable(self.id, self._loop.time())

    # -- what the loop tells

    def _watch(self) -> None:
        if not self._reading and not self._done:
            self._reading = True
            self._loop.add_reader(self._sock.fileno(), self._has_bytes)

    def _has_bytes(self) -> None:
        if self._told:  # the loop would say so in each turn
            self._unread()
            return
        self._told = True
        self._turn(self._tell_readable)

    def _has_room(self) -> None:
        self._loop.remove_writer(self._sock.fileno())
        self._writing = False
        self._turn(self._tell_writable)

    def _tell_readable(self) -> None:
        self._group.readable(self.id)

    def _tell_writable(self) -> None:
        self._group.writable(self.id, self._loop.time())

    def _unread(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._sock.fileno())
            self._reading = False

    def _unwatch(self) -> None:
        self._unread()
        self._told = False
        if self._writing:
            self._loop.remove_writer(self._sock.fileno())
            self._writing = False


def _is_read(sock: socket.socket) -> bool:
    """Whether the other end has read all that was written; not where the system cannot tell."""
    try:
        return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder) == 0
    except OSError:
        return False


def _close(sock: socket.socket, *, abort: bool) -> None:
    """A TCP peer is told of a broken stream by a reset, not by an end that looks whole.

    A peer's app that is gone after its last byte broke nothing: a reset would take from the kernel what was
    not sent yet.

    Closing never waits, whatever the giver of the socket had set: with SO_LINGER it would hang the visor.
    """
    if sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.pack(abort, 0))
    sock.close()
