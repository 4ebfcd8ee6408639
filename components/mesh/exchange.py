"""HTTP requests to one service: the standard library's, each in a thread while it is under way.

A visor makes a few of them a minute; aiohttp would take a fifth of its memory for that. Connections are kept
for the next request for a while. Whoever waits no longer cuts the connection, and that ends the thread: a
service that sends a byte a minute holds none.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from components.mesh.errors import CallerError
from components.mesh.marked import marked_socket

CONNECTIONS: Final = 4  # to one service
KEPT_S: Final = 5.0  # half of what a service waits for the next request on a connection
THREADS: Final = 16  # of a process; what is too much waits, within its deadline
_END_S: Final = 0.2  # for a thread whose connection was cut
_threads: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="http")


class NotConnected(Exception):
    """Nobody takes a connection there; `why` is what the system said."""

    def __init__(self, why: OSError) -> None:
        super().__init__(str(why))
        self.why = why


class Request(NamedTuple):
    """What is asked; `target` begins behind the service's own address."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]


class _Wire:
    """One connection, dialled when it is first used, by one thread at a time."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.kept_until = 0.0
        self._tls = parts.scheme == "https"
        self._prefix = parts.path
        self._timeout_s = timeout_s
        self._http = http.client.HTTPConnection(
            parts.hostname or "", parts.port or (443 if self._tls else 80)
        )
        self._lock = threading.Lock()  # of the next three
        self._sock: socket.socket | None = None
        self._busy = self._is_cut = False

    def exchange(self, request: Request, most: int) -> tuple[int, bytes]:
        """In a thread: status and body, of which no more than `most` and one byte is read.

        Raises `NotConnected`, `OSError`, `http.client.HTTPException` or `ValueError`; it is closed then.
        """
        with self._lock:
            self._busy = True
        try:
            if self._http.sock is None:
                self._dial()
            return self._asked(request, most)
        except BaseException:
            self._is_cut = True
            raise
        finally:
            with self._lock:
                self._busy = False
                if self._is_cut:
                    self.close()

    def _asked(self, request: Request, most: int) -> tuple[int, bytes]:
        method, target, body, headers = request
        self._http.request(method, self._prefix + target, body or None, headers)
        response = self._http.getresponse()
        data = response.read(most + 1)
        if len(data) > most or not response.isclosed():
            self._is_cut = True  # the rest of it would be taken for the next answer
        if len(data) <= most and response.length:
            raise http.client.IncompleteRead(data, response.length)
        return response.status, data

    def _dial(self) -> None:
        """Each address has its share of the time."""
        try:
            infos = socket.getaddrinfo(self._http.host, self._http.port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise NotConnected(exc) from exc
        for place, info in enumerate(infos, 1):
            try:
                self._http.sock = self._connected(info, self._timeout_s / len(infos))
            except OSError as exc:
                self.close()
                if place == len(infos):
                    raise NotConnected(exc) from exc
            else:
                return

    def _connected(self, info: tuple[int, int, int, str, object], timeout_s: float) -> socket.socket:
        sock = self._hold(marked_socket(info))
        sock.settimeout(timeout_s)
        sock.connect(info[4])  # type: ignore[arg-type]  # as getaddrinfo gave it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            context = ssl.create_default_context()
            wrapped = context.wrap_socket(
                sock, server_hostname=self._http.host, do_handshake_on_connect=False
            )
            self._hold(wrapped)
            wrapped.do_handshake()
            sock = wrapped
        sock.settimeout(self._timeout_s)
        return sock

    def _hold(self, sock: socket.socket) -> socket.socket:
        """A socket that `cut` reaches from now on."""
        with self._lock:
            self._sock = sock
            if self._is_cut:
                raise ConnectionAbortedError("nobody waits for it")
        return sock

    def cut(self) -> None:
        """Nobody waits for its answer, or will use it again."""
        with self._lock:
            self._is_cut = True
            if not self._busy:
                self.close()
            elif self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)

    @property
    def usable(self) -> bool:
        """Whether the next request may go by it."""
        return not self._is_cut and self._http.sock is not None

    def close(self) -> None:
        """By whoever uses it."""
        self._http.close()
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class Exchange:
    """All connections to the service at `url`, which begins with http:// or https://."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`timeout_s` bounds each step of a request; whoever asks bounds the whole."""
        self._url = url
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._kept: list[_Wire] = []
        self.closed = False
        self._tidying: asyncio.TimerHandle | None = None

    async def ask(self, request: Request, most: int) -> tuple[int, bytes]:
        """Status and body, of which no more than `most` and one byte is read. Raises as `_Wire.exchange`."""
        if self.closed:
            raise CallerError(f"a request to {self._url} after the end")
        async with self._turns:
            wire = self._take()
            answer = asyncio.get_running_loop().run_in_executor(_threads, wire.exchange, request, most)
            try:
                done = await asyncio.shield(answer)
            except asyncio.CancelledError:
                wire.cut()
                answer.add_done_callback(_forget)
                await asyncio.wait((answer,), timeout=_END_S)
                raise
            self._keep(wire)
            return done

    def close(self) -> None:
        """Nothing is asked or kept any more."""
        self.closed = True
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        while self._kept:
            self._kept.pop().cut()

    def _take(self) -> _Wire:
        return self._kept.pop() if self._kept else _Wire(self._url, self._timeout_s)

    def _keep(self, wire: _Wire) -> None:
        if self.closed:
            wire.cut()
        elif wire.usable:
            loop = asyncio.get_running_loop()
            wire.kept_until = loop.time() + KEPT_S
            self._kept.append(wire)
            if self._tidying is None:
                self._tidying = loop.call_later(KEPT_S, self._tidy)

    def _tidy(self) -> None:
        """Close what was kept long enough."""
        loop = asyncio.get_running_loop()
        self._tidying, kept = None, self._kept
        self._kept = [wire for wire in kept if wire.kept_until > loop.time()]
        for wire in kept:
            if wire not in self._kept:
                wire.cut()
        if self._kept:
            due = min(wire.kept_until for wire in self._kept)
            self._tidying = loop.call_at(due, self._tidy)


def _forget(answer: asyncio.Future[tuple[int, bytes]]) -> None:
    """Nobody asks any more how it ended."""
    if not answer.cancelled():
        answer.exception()
