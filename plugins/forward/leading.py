"""What comes to a port here is led to a peer: connections and datagrams alike."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from components.visor.app import AppError
from components.visor.kit.exchange import carry
from components.visor.kit.gate import Gate
from components.visor.kit.ledger import Entry, Ledger
from plugins.forward.association import Association
from plugins.forward.calling import Caller, NoWay
from plugins.forward.request import Request
from plugins.forward.udpgate import Source, UdpGate
from plugins.forward.words import split

log = logging.getLogger(__name__)

_RESET: Final = struct.pack("ii", 1, 0)


class Lead:
    """Where one port leads, and how that went of late."""

    def __init__(
        self,
        caller: Caller,
        peer: str,
        asked: Request,
        target: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = Ledger()
        self.trouble = ""
        self._caller = caller
        self._peer = peer
        self._asked = asked
        self._target = target
        self._clock = clock

    def redirect(self, asked: Request) -> None:
        """From now on it leads to this."""
        self._asked = asked

    async def connection(self, sock: socket.socket) -> None:
        """Serve a program to the end of its connection; when there is no way, it is reset."""
        began = self._clock()
        with sock:
            try:
                stream = await self._caller.open(self._peer, self._asked)
            except NoWay as exc:
                self._failed(str(exc))
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            async with stream:
                entry = self._entry("tcp", began)
                with self._counted(entry):
                    try:
                        await carry(stream, sock, entry.tally)
                    except (AppError, OSError) as exc:
                        log.info("peer=%s: a connection broke: %s", self._peer[:8], exc)

    async def datagrams(self, source: Source) -> None:
        """Serve one program's datagrams until there were none for a while."""
        began = self._clock()
        try:
            stream = await self._caller.open(self._peer, self._asked)
        except NoWay as exc:
            self._failed(str(exc))
            return
        async with stream:
            entry = self._entry("udp", began)
            with self._counted(entry):
                try:
                    await Association(stream, source, entry.tally).run()
                except (AppError, OSError) as exc:
                    log.info("peer=%s: datagrams broke: %s", self._peer[:8], exc)

    def figures(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who uses it, how much, and what went wrong last."""
        return {**self.ledger.figures(self._clock()), "trouble": self.trouble}

    def _failed(self, why: str) -> None:
        self.ledger.refused += 1
        self.trouble = why
        log.info("peer=%s target=%s: no way: %s", self._peer[:8], self._target, why)

    def _entry(self, path: str, began: float) -> Entry:
        now = self._clock()
        return Entry(self._peer, self._target, now, path, now - began)

    @contextlib.contextmanager
    def _counted(self, entry: Entry) -> Iterator[None]:
        self.trouble = ""
        number = self.ledger.opened(entry)
        try:
            yield
        finally:
            self.ledger.closed(number)


class Opened:
    """A port here that is open and leads; its task is in `group`. Raises `PortError`."""

    def __init__(self, listen: str, lead: Lead, group: asyncio.TaskGroup, *, udp: bool) -> None:
        place = split(listen)
        gate: Gate | UdpGate
        if udp:
            gate = datagrams = UdpGate(*place)
            self.task = group.create_task(datagrams.run(lead.datagrams))
        else:
            gate = connections = Gate(*place)
            self.task = group.create_task(connections.run(lead.connection))
        self.task.add_done_callback(lambda _: gate.close())  # also where it ends before it has begun
        self.address = gate.address
