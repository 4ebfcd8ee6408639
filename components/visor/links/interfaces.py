"""Tells when this host's network comes back: an interface that runs, or a new address. Linux's rtnetlink.

Header of each message (native order): length u32 | type u16 | flags u16 | sequence u32 | pid u32; the body of
a RTM_NEWLINK begins: family u8 | pad u8 | type u16 | index i32 | flags u32. Messages are aligned to 4 bytes.
"""

import logging
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from components.mesh.errors import reason
from components.visor.plane.loop import Loop, Timer

log = logging.getLogger(__name__)

GROUPS: Final = 0x1 | 0x10 | 0x100  # links, IPv4 addresses, IPv6 addresses
NEW_LINK: Final = 16
NEW_ADDRESS: Final = 20
RUNNING: Final = 0x40
SETTLE_S: Final = 0.2  # an interface comes up with several messages, and its routes a moment later
MESSAGE_BYTES: Final = 1 << 16
_HEADER: Final = struct.Struct("=IHHII")
_LINK: Final = struct.Struct("=BBHiI")


def comes_up(data: bytes) -> bool:
    """Whether some message in `data` tells of an interface that runs or of a new address. Pure."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return False
        if kind == NEW_ADDRESS or (kind == NEW_LINK and _runs(data[at + _HEADER.size : at + length])):
            return True
        at += (length + 3) & ~3
    return False


def _runs(body: bytes) -> bool:
    return len(body) >= _LINK.size and bool(_LINK.unpack_from(body)[4] & RUNNING)


@contextmanager
def watching(loop: Loop, came: Callable[[], None]) -> Iterator[None]:
    """Call `came` soon after the network came back, inside the block; never where the kernel cannot tell."""
    try:
        sock = _opened()
    except (OSError, AttributeError) as exc:
        told = reason(exc) if isinstance(exc, OSError) else str(exc)
        log.info("this system does not tell when its network comes back: %s", told)
        yield
        return
    watcher = _Watcher(loop, sock, came)
    loop.add_reader(sock.fileno(), watcher.readable)
    try:
        yield
    finally:
        loop.remove_reader(sock.fileno())
        watcher.close()
        sock.close()


def _opened() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        sock.bind((0, GROUPS))
    except BaseException:
        sock.close()
        raise
    return sock


class _Watcher:
    """Reads what the kernel tells, and makes one call of several messages."""

    def __init__(self, loop: Loop, sock: socket.socket, came: Callable[[], None]) -> None:
        self._loop = loop
        self._sock = sock
        self._came = came
        self._timer: Timer | None = None

    def readable(self) -> None:
        """The kernel told something."""
        try:
            up = comes_up(self._sock.recv(MESSAGE_BYTES))
        except BlockingIOError:
            return
        except OSError:  # it told more than we took: something changed
            up = True
        if up and self._timer is None:
            self._timer = self._loop.call_later(SETTLE_S, self._call)

    def _call(self) -> None:
        self._timer = None
        self._came()

    def close(self) -> None:
        """Call no more."""
        if self._timer is not None:
            self._timer.cancel()
