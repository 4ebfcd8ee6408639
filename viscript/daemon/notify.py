"""sd_notify in both directions: apps that say READY=1 to us, and we to our own manager.

The datagram's sender is proved by the kernel (SCM_CREDENTIALS). Format: sd_notify(3). Any user of the host
can write here: who tells too much that concerns no app is not heard for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from signal_bus.patience import Patience

log = logging.getLogger(__name__)

LONGEST: Final = 4096
_UCRED: Final = struct.Struct("iII")

Hear = Callable[[int, dict[str, str]], bool]


class Sender(NamedTuple):
    """Who wrote a datagram, as the kernel says."""

    pid: int
    uid: int


def parse(datagram: bytes) -> dict[str, str]:
    """The `NAME=value` lines of a notification; anything else is passed over."""
    pairs = (line.partition("=") for line in datagram.decode("utf-8", "replace").splitlines())
    return {name: value for name, sep, value in pairs if sep and name}


class NotifyDoor:
    """A datagram socket every app may write to; `hear(pid, fields)` is told who said what.

    It answers false for a process that is of no app.
    """

    def __init__(self, path: str, hear: Hear) -> None:
        self._path = Path(path)
        self._hear = hear
        self._socket: socket.socket | None = None
        self._patience = Patience()
        self._strange = 0

    def open(self) -> None:
        """Bind the socket; the daemon's lock makes sure that nobody else uses the path."""
        self._path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        sock.setblocking(False)
        if hasattr(socket, "SO_PASSCRED"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.bind(str(self._path))
        self._path.chmod(0o666)
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._readable)

    def close(self) -> None:
        """Take the socket away."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._path.unlink(missing_ok=True)
            self._socket = None

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data, ancillary, _, _ = self._socket.recvmsg(LONGEST, socket.CMSG_SPACE(_UCRED.size))
        except BlockingIOError:
            return
        sender = _sender(ancillary)
        if sender is None:
            self._complain("a notification without credentials was dropped")
            return
        # Of our own user each process counts by itself; another user may have any number of them.
        who = sender if sender.uid == os.geteuid() else sender.uid
        now = time.monotonic()
        if self._patience.hears(who, now) and not self._hear(sender.pid, parse(data)):
            self._patience.lose(who, now)
            self._complain(f"a notification of pid={sender.pid} uid={sender.uid}, which is of no app")

    def _complain(self, text: str) -> None:
        """The 1st, 2nd, 4th, 8th time: a flood fills no log."""
        self._strange += 1
        if self._strange & (self._strange - 1) == 0:
            log.warning("%s (%d of such by now)", text, self._strange)


def _sender(ancillary: list[tuple[int, int, bytes]]) -> Sender | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", 2):
            pid, uid, _gid = _UCRED.unpack(data[: _UCRED.size])
            return Sender(pid, uid)
    return None


def tell_manager(state: str) -> None:
    """Tell the service manager that started us, if one did."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), target)
        except OSError as exc:
            log.warning("NOTIFY_SOCKET %s: %s", address, exc.strerror)
