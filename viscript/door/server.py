"""The listening door: who may enter, how many at once, and the tasks that outlive a conversation.

async with Door(world, table, path):
    ...                                  # conversations are served until the block ends
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from viscript.cluster.links.api import Stream
from viscript.door.connection import Connection, may_enter
from viscript.door.distant import DistantConnection
from viscript.door.protocol import line
from viscript.door.room import Room
from viscript.door.session import HERE, Caller, Session
from viscript.door.viewers import Viewers
from viscript.errors import ExitCode
from viscript.privatesocket import listening
from viscript.supervisor.api import World
from viscript.verbs.table import Role, Table

log = logging.getLogger(__name__)
T = TypeVar("T")

CONNECTIONS_MAX: Final = 256
FIRST_LINE_S: Final = 30.0
_BACKLOG: Final = 512
LAST_WORD_S: Final = 0.2
_PAUSE_S: Final = 0.1  # after an accept that failed, for example for want of descriptors


class Door:
    """Serves the verbs of one daemon on one socket."""

    def __init__(
        self,
        world: World,
        table: Table,
        path: str | os.PathLike[str],
        *,
        most: int = CONNECTIONS_MAX,
        patience_s: float = FIRST_LINE_S,
    ) -> None:
        self.world = world
        self.table = table
        self.viewers = Viewers()
        self.room = Room(most)
        self.patience_s = patience_s
        self._path = os.fspath(path)
        self._group = asyncio.TaskGroup()
        self._conversations: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None

    async def __aenter__(self) -> Door:
        self._listener = listening(self._path, _BACKLOG)
        await self._group.__aenter__()
        self._accepting = self._group.create_task(self._accept(self._listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all conversations; what they carry is waited for."""
        with contextlib.suppress(FileNotFoundError):
            Path(self._path).unlink()
        if self._accepting is not None:
            self._accepting.cancel()
        if self._conversations:  # one of them may be saying that the daemon stops
            await asyncio.wait(self._conversations, timeout=LAST_WORD_S)
        for task in self._conversations:
            task.cancel()
        await self._group.__aexit__(kind, exc, traceback)
        if self._listener is not None:
            self._listener.close()  # a door that is closed at once never began to accept

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    sock, _ = await loop.sock_accept(listener)
                except OSError as exc:
                    log.warning("cannot accept a client: %s", exc)
                    await asyncio.sleep(_PAUSE_S)
                    continue
                task = self._group.create_task(self._converse(sock))
                self._conversations.add(task)
                task.add_done_callback(self._conversations.discard)

    async def serve(self, stream: Stream, *, actor: str, role: Role) -> None:
        """Converse with a caller of another host until he leaves; `actor`: his key."""
        await self._talk(DistantConnection(stream), Caller(actor, role))

    async def _converse(self, sock: socket.socket) -> None:
        connection = await Connection.of(sock)
        await self._talk(connection, HERE if may_enter(sock, os.geteuid()) else None)

    async def _talk(self, connection: Connection, caller: Caller | None) -> None:
        """One conversation; no `caller` where the other end is another user's."""
        actor = caller.actor if caller is not None and caller is not HERE else None
        full = self.room.enter(actor)
        try:
            if caller is None:
                await self._turn_away(
                    connection, ExitCode.NOT_PERMITTED, "this daemon serves its own user only"
                )
            elif full:
                await self._turn_away(connection, ExitCode.FAILED, full)
            else:
                await Session(self, connection, caller).serve()
        except OSError as exc:
            log.debug("a client left: %s", exc)
        except Exception:  # a bug in one conversation must not end the others
            log.exception("a conversation failed")
        finally:
            self.room.leave(actor)
            await connection.close()

    async def _turn_away(self, connection: Connection, code: ExitCode, text: str) -> None:
        await connection.greet()
        await connection.err(f"{text}\n")
        await connection.send(line({"x": int(code)}))

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end whatever becomes of the caller; its result, or what it raised."""
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def guarded() -> None:
            try:
                value = await work
            except Exception as exc:  # noqa: BLE001 (it belongs to the caller, or to nobody any more)
                if result.cancelled():
                    log.info("an order whose caller had left failed: %s", exc)
                else:
                    result.set_exception(exc)
            except asyncio.CancelledError:
                result.cancel()
                raise
            else:
                if not result.cancelled():
                    result.set_result(value)

        self._group.create_task(guarded())
        return await result

    def detach(self, seq: int) -> int:
        """End all viewers of an app; how many there were."""
        return self.viewers.detach(seq)
