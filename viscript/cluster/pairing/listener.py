"""The port where joiners come: open only while an invitation is.

Whoever connects has proved nothing yet. At most `MOST_UNKNOWN` connections that have not named an open
invitation are held; one more puts out the oldest of the source that has most of them. So a flood costs a
bounded amount of memory, and puts out its own connections, not a joiner's, who besides names its invitation
with its first bytes.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from viscript.errors import ExitCode, VerbError

log = logging.getLogger(__name__)

PORT: Final = 7792
MOST_UNKNOWN: Final = 32
_BACKLOG: Final = 64
_NETWORK_BITS: Final = 64
_PAUSE_S: Final = 0.2  # when the system has no descriptor left

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Serve = Callable[[socket.socket], Awaitable[None]]


class Listener:
    """`open` and `close` it as often as needed; `serve` is run for each connection.

    `usual` is its port where none is named; `whom` it is for, who guard their own faults if not joiners.
    """

    def __init__(self, run: Run, serve: Serve, *, usual: int = PORT, whom: str = "joiner") -> None:
        self._run = run
        self._serve = serve
        self._usual = usual
        self._whom = whom
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._unknown: dict[asyncio.Task[None], str] = {}  # whence each came; the oldest first

    @property
    def port(self) -> int | None:
        """Where it listens; None while it is closed."""
        return None if self._socket is None else int(self._socket.getsockname()[1])

    def open(self, port: int | None = None) -> int:
        """Listen; at the usual port or a free one unless one is named. Raises `VerbError`."""
        if self._socket is not None:
            if port not in (None, self.port):
                why = ", for an open invitation" if self._usual == PORT else ""
                text = f"this host listens for {self._whom}s at port {self.port} already{why}"
                raise VerbError(ExitCode.FAILED, text)
        else:
            self._listen(_bound(port, self._usual, self._whom))
        assert self.port is not None, "it is open"
        return self.port

    def close(self) -> None:
        """Listen no more. Pairings under way go on; connections that named nothing end."""
        if self._accepting is not None:
            self._accepting.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)  # while its number is its own
            self._socket.close()
        self._accepting = self._socket = None
        for task in tuple(self._unknown):
            task.cancel()

    def known(self, task: asyncio.Task[None] | None) -> None:
        """The connection that this task serves has named an open invitation: it is not put out."""
        if task is not None:
            self._unknown.pop(task, None)

    def _listen(self, listener: socket.socket) -> None:
        self._socket = listener
        self._accepting = self._run(self._accept(listener))

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError as exc:
                log.warning("cannot accept a %s: %s", self._whom, exc)
                await asyncio.sleep(_PAUSE_S)
                continue
            await self._admit(sock, address)
            await asyncio.sleep(0)  # whoever came before gets a turn

    async def _admit(self, sock: socket.socket, address: Any) -> None:  # Any: its form differs by family
        self._take(sock, source(str(address[0])))

    def _take(self, sock: socket.socket, whence: str) -> None:
        if len(self._unknown) >= MOST_UNKNOWN:
            self._put_one_out()
        task = self._run(self._guarded(sock))
        self._unknown[task] = whence
        task.add_done_callback(lambda done: self._done(done, sock))

    def _put_one_out(self) -> None:
        ((most, _),) = Counter(self._unknown.values()).most_common(1)
        oldest = next(task for task, whence in self._unknown.items() if whence == most)
        del self._unknown[oldest]
        oldest.cancel()

    def _done(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._unknown.pop(task, None)
        sock.close()  # also of a task that never began

    async def _guarded(self, sock: socket.socket) -> None:
        try:
            await self._serve(sock)
        except OSError as exc:
            log.debug("a %s left: %s", self._whom, exc)
        except Exception:  # a bug in one pairing must not end the daemon
            log.exception("a pairing failed")


def source(address: str) -> str:
    """Whom an address stands for: one IPv4 address, or an IPv6 network, of which anybody has many. Pure."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, _NETWORK_BITS), strict=False))


def _bound(port: int | None, usual: int, whom: str) -> socket.socket:
    """A listening socket. Raises `VerbError` when a port that was asked for is taken."""
    try:
        return _listening(usual if port is None else port)
    except OSError as exc:
        if port is None and exc.errno in (errno.EADDRINUSE, errno.EACCES):
            return _listening(0)
        why = exc.strerror or exc
        text = f"cannot listen for {whom}s at port {port or usual}: {why}"
        raise VerbError(ExitCode.FAILED, text) from exc


def _listening(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return _made(("", port), socket.AF_INET6, dualstack=True)
        except OSError as exc:
            if exc.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
    return _made(("", port), socket.AF_INET, dualstack=False)


def _made(address: tuple[str, int], family: socket.AddressFamily, *, dualstack: bool) -> socket.socket:
    made = socket.create_server(address, family=family, dualstack_ipv6=dualstack, backlog=_BACKLOG)
    made.setblocking(False)
    return made
