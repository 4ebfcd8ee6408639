"""Ways to other hosts: for each a unix socket here, whose connections are led to a place there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path
from typing import Any, Final

from components.visor.app import App, AppError, Stream, StreamReset
from components.visor.kit.exchange import exchange
from components.visor.kit.kept import KeptVisor
from components.visor.kit.lines import BadLine
from components.visor.kit.tally import Tally
from plugins.reach import request
from plugins.reach.answering import NOT_WELCOME
from plugins.reach.request import Ask

log = logging.getLogger(__name__)

DIAL_S: Final = 20.0  # also of a link that has to be made first
ANSWER_S: Final = 10.0
MOST: Final = 1024  # ways
MOST_OF_ONE: Final = 16  # connections on one way; more wait to be accepted
_BACKLOG: Final = 16
_NOT_WELCOME: Final = (
    f"the other host leads nobody from this visor anywhere ({NOT_WELCOME}): it does not know it, has no"
    " invitation open, or has no room"
)
_PAUSE_S: Final = 0.1


class NoWay(Exception):
    """The sentence says why."""


class Way:
    """One socket that listens, and where it leads."""

    def __init__(self, visor: KeptVisor, peer: str, name: str, path: str, port: int) -> None:
        """Listens at `path`, for this user only. Raises `OSError`."""
        self.peer, self.name, self.path = peer, name, path
        self.trouble = ""
        self.open = 0
        self._visor = visor
        self._port = port
        self._listener = _listener(path)
        self._closed = False
        self._room = asyncio.Semaphore(MOST_OF_ONE)

    async def run(self) -> None:
        """Lead what comes, for ever; cancelled, the socket is gone and all that it led has ended."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._room.acquire()
                    group.create_task(self._serve(await self._accepted()))
        finally:
            self.close()

    def close(self) -> None:
        """Listen no more; once only, for by the second time another way may stand at the path."""
        if self._closed:
            return
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._listener)  # while its number is its own
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).unlink()

    async def _accepted(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return (await loop.sock_accept(self._listener))[0]
            except OSError as exc:  # gone already, or no descriptors left
                log.warning("%s: could not accept: %s", self.path, exc)
                await asyncio.sleep(_PAUSE_S)

    async def _serve(self, sock: socket.socket) -> None:
        """Lead one connection to its end; when there is no way it is closed at once."""
        self.open += 1
        try:
            with sock:
                async with await self._stream() as stream:
                    self.trouble = ""
                    await exchange(stream, sock, Tally())
        except (NoWay, AppError, OSError) as exc:
            self.trouble = str(exc) or type(exc).__name__
            log.info("peer=%s to=%s: %s", self.peer[:8], self.name, self.trouble)
        except Exception:  # a bug in one connection must not end the others
            log.exception("peer=%s to=%s: a connection failed", self.peer[:8], self.name)
        finally:
            self.open -= 1
            self._room.release()

    async def _stream(self) -> Stream:
        """A stream that leads there. Raises `NoWay` or `AppError`."""
        try:
            app: App = await self._visor.app()
        except TimeoutError:
            raise NoWay("the visor of this host is away") from None
        stream = await app.dial(self.peer, self._port, link=True, deadline_s=DIAL_S)
        try:
            stream.write(request.line(Ask(self.name)))
            async with asyncio.timeout(ANSWER_S):
                answer = request.answer(await stream.readline())
        except BaseException as exc:
            stream.close()
            if isinstance(exc, StreamReset) and exc.code == NOT_WELCOME:
                raise NoWay(_NOT_WELCOME) from exc
            if isinstance(exc, (BadLine, asyncio.LimitOverrunError)):
                raise NoWay("the other host hung up, or does not speak as reach does") from exc
            if isinstance(exc, TimeoutError) and not isinstance(exc, AppError):
                raise NoWay(f"the other host has not answered in {ANSWER_S:g} s") from exc
            raise
        if not answer.ok:
            stream.close()
            raise NoWay(answer.text)
        return stream

    def row(self) -> dict[str, Any]:  # Any: plain data of several types
        """What `status` shows of it."""
        return {
            "peer": self.peer,
            "to": self.name,
            "socket": self.path,
            "open": self.open,
            "trouble": self.trouble,
        }


class Ways:
    """All of them; their tasks are in `group`."""

    def __init__(self, visor: KeptVisor, port: int, group: asyncio.TaskGroup) -> None:
        self._visor = visor
        self._port = port
        self._group = group
        self._ways: dict[str, tuple[Way, asyncio.Task[None]]] = {}  # by path

    def add(self, peer: str, name: str, path: str) -> None:
        """Have a socket at `path` lead there; what led elsewhere is closed first. Raises `NoWay`."""
        held = self._ways.get(path)
        if held is not None and (held[0].peer, held[0].name) == (peer, name):
            return
        self.remove(path)
        if len(self._ways) >= MOST:
            raise NoWay(f"there are {MOST} ways already")
        try:
            way = Way(self._visor, peer, name, path, self._port)
        except OSError as exc:
            raise NoWay(f"cannot listen at {path}: {exc.strerror or exc}") from exc
        task = self._group.create_task(way.run())
        task.add_done_callback(lambda _: way.close())  # also where it ends before it has begun
        self._ways[path] = way, task

    def remove(self, path: str) -> bool:
        """End a way and what it leads; false when there is none at that path."""
        held = self._ways.pop(path, None)
        if held is None:
            return False
        way, task = held
        way.close()
        task.cancel()
        return True

    def rows(self) -> list[dict[str, Any]]:  # Any: plain data of several types
        """Each of them."""
        return [way.row() for way, _ in self._ways.values()]


def _listener(path: str) -> socket.socket:
    """A socket for this user only, in place of one that a killed process left. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        before = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(before)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
