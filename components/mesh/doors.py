"""One listening socket and the doors behind it: each connection proves who it is, and names its door.

Bounds: connections served at once, half-open handshakes in all and from one address (IPv6: one /64). What is
over a bound is closed at once. A fault in one visit stays in it.
"""

import asyncio
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from components.mesh.errors import Busy, MeshError, reason
from components.mesh.marked import mark
from components.mesh.session import HANDSHAKE_S, Visitor, hear
from signal_bus.identity import Identity

log = logging.getLogger(__name__)

# What answers a visitor of one port; it accepts or refuses, and may stay as long as the session lasts.
Door = Callable[[Visitor], Awaitable[None]]

BACKLOG: Final = 128
PAUSE_S: Final = 0.2  # after the system had no descriptor or memory for a connection


@dataclass(frozen=True)
class Bounds:
    """How much a listener takes on."""

    served: int = 1024
    half_open: int = 256
    half_open_each: int = 16
    handshake_s: float = HANDSHAKE_S


class HalfOpen:
    """Counts handshakes under way, in all and by where they come from."""

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._from: Counter[str] = Counter()

    @contextmanager
    def slot(self, host: str) -> Iterator[None]:
        """Hold one for `host`. Raises `Busy` where a bound is reached."""
        origin = network(host)
        if self._from.total() >= self._total:
            raise Busy("handshakes", self._total)
        if self._from[origin] >= self._each:
            raise Busy(f"handshakes from {origin}", self._each)
        self._from[origin] += 1
        try:
            yield
        finally:
            self._from[origin] -= 1
            self._from += Counter()  # forget those at zero


def network(host: str) -> str:
    """What counts as one place: an IPv4 address, a /64 of IPv6, anything else by its name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises `OSError`; the caller knows what the address was for."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    mark(listener)
    return listener


def accept(listener: socket.socket) -> tuple[socket.socket, tuple[str, int] | str]:
    """The next connection. Raises `OSError`."""
    return listener.accept()


async def _readable(listener: socket.socket) -> None:
    """Wait for a connection, and take none: a cancelled `loop.sock_accept` loses the one it had taken."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(listener, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(listener)


class Doors:
    """The doors behind one listening socket, by mesh port; `serve` runs until it is cancelled."""

    def __init__(
        self,
        listener: socket.socket,
        identity: Identity,
        doors: Mapping[int, Door],
        bounds: Bounds | None = None,
    ) -> None:
        self._listener = listener
        self._identity = identity
        self._doors = doors
        self._bounds = bounds or Bounds()
        self._half_open = HalfOpen(self._bounds.half_open, self._bounds.half_open_each)
        self._serving = 0

    async def serve(self) -> None:
        """Take connections for ever. Closes the listening socket, and all visits, when it is cancelled."""
        self._listener.setblocking(False)
        with self._listener:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    sock, host = await self._accepted()
                    if self._serving >= self._bounds.served:
                        log.warning("closed a connection from=%s: %d are served", host, self._serving)
                        sock.close()
                        continue
                    self._serving += 1
                    tasks.create_task(self._visit(sock, host))

    async def _accepted(self) -> tuple[socket.socket, str]:
        while True:
            await _readable(self._listener)
            try:
                sock, address = accept(self._listener)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as exc:  # of the connection, or no descriptor left for it: others follow
                log.warning("could not take a connection: %s", reason(exc))
                await asyncio.sleep(PAUSE_S)
                continue
            return sock, address[0] if isinstance(address, tuple) else ""

    async def _visit(self, sock: socket.socket, host: str) -> None:
        try:
            await self._answer(sock, host)
        except MeshError as exc:
            log.info("a connection came to nothing from=%s: %s", host, exc)
        except Exception:  # a bug behind one door must not close the others
            log.exception("a visit failed from=%s", host)
        finally:
            self._serving -= 1

    async def _answer(self, sock: socket.socket, host: str) -> None:
        try:
            with self._half_open.slot(host):
                visitor = await hear(sock, self._identity, deadline_s=self._bounds.handshake_s)
        except BaseException:
            sock.close()
            raise
        await show_in(visitor, self._doors)


async def show_in(visitor: Visitor, doors: Mapping[int, Door]) -> None:
    """Bring a visitor to the door it named, and close what was not answered there."""
    try:
        door = doors.get(visitor.port)
        if door is None:
            await visitor.refuse("no-such-port", f"nothing answers at port {visitor.port}")
        else:
            await door(visitor)
    finally:
        visitor.close()
