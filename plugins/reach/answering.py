"""Streams from other hosts: each is led to the place it asks for, if its visor may go there."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from typing import Final

from components.visor.app import AppError, Stream
from components.visor.kit.exchange import exchange
from components.visor.kit.lines import BadLine
from components.visor.kit.refusal import turned_away
from components.visor.kit.tally import Tally
from plugins.reach import request
from plugins.reach.crowd import Crowd
from plugins.reach.places import Place, Places
from plugins.reach.request import Answer

log = logging.getLogger(__name__)

REQUEST_S: Final = 10.0
CONNECT_S: Final = 5.0
MOST: Final = 256  # streams at a time of visors that a place names
MOST_STRANGERS: Final = 64  # of all others, besides
MOST_OF_ONE: Final = 16  # of one visor: a daemon needs one, and a second while the first dies
NOT_WELCOME: Final = 257  # what a stream ends with when no place is open to its visor
_NO_REQUEST: Final = 258


class Answering:
    """Serves the streams that come to one app."""

    def __init__(self, places: Places) -> None:
        self.served = 0
        self.refused = 0
        self._places = places
        self._busy: Counter[str] = Counter()
        self._strangers: Crowd[asyncio.Task[None]] = Crowd(MOST_STRANGERS)
        self._led: dict[asyncio.Task[None], tuple[str, str]] = {}  # to the visor and the place's name

    async def serve(self, stream: Stream) -> None:
        """Serve one stream to its end."""
        peer, task = stream.peer.hex(), _this_task()
        if not self._has_room(peer, task):
            self.refused += 1
            await turned_away(stream, NOT_WELCOME)
            return
        self._busy[peer] += 1
        try:
            async with stream:
                await self._answer(stream, peer)
        except (AppError, OSError) as exc:
            log.info("peer=%s: a stream broke: %s", peer[:8], exc)
        finally:
            self._strangers.leave(task)
            self._busy[peer] -= 1
            if not self._busy[peer]:
                del self._busy[peer]

    def _has_room(self, peer: str, task: asyncio.Task[None]) -> bool:
        """Whether a stream of that visor is heard; a stranger that is has its place in the crowd."""
        if self._busy[peer] >= MOST_OF_ONE or not self._places.knows(peer):
            return False
        if self._places.is_named(peer):
            return self._busy.total() - len(self._strangers) < MOST
        oldest = self._strangers.put_out()
        if oldest is not None:
            self.refused += 1
            oldest.cancel()
        return self._strangers.enter(task, peer)

    async def _answer(self, stream: Stream, peer: str) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                name = request.ask(await stream.readline()).to
        except (BadLine, asyncio.LimitOverrunError, TimeoutError) as exc:
            self.refused += 1
            log.info("peer=%s: no request: %s", peer[:8], exc)
            await stream.abort(_NO_REQUEST)
            return
        place = self._places.place_for(peer, name)
        if place is None:
            self.refused += 1
            stream.write(request.line(Answer(ok=False, text=f"{name} is not open to you there")))
            return
        await self._lead(stream, peer, name, place)

    async def _lead(self, stream: Stream, peer: str, name: str, place: Place) -> None:
        try:
            sock = await connect(place.socket)
        except OSError as exc:
            log.warning("%s: %s", place.socket, exc)
            stream.write(request.line(Answer(ok=False, text=f"nobody answers at {name} there")))
            return
        task = _this_task()
        self._strangers.led(task)
        self._led[task] = (peer, name)
        try:
            with sock:
                if place.told:
                    await asyncio.get_running_loop().sock_sendall(sock, bytes.fromhex(peer))
                stream.write(request.line(Answer(ok=True)))
                await exchange(stream, sock, Tally())
        finally:
            del self._led[task]
            self.served += 1

    def recheck(self) -> None:
        """The places have changed: who may not be where it was led to is led there no more."""
        for task, (peer, name) in self._led.items():
            if self._places.place_for(peer, name) is None:
                task.cancel()

    def rows(self) -> list[dict[str, str]]:
        """Who is led where."""
        return [{"peer": peer, "to": name} for peer, name in self._led.values()]


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None, "streams are served in tasks"
    return task


async def connect(path: str) -> socket.socket:
    """A connected, non-blocking unix socket. Raises `OSError`."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock
