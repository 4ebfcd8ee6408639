"""An app on another host, on the caller's terminal: frames are carried both ways as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from viscript.cluster.far.conversation import hang_up
from viscript.cluster.links.api import HostAway, HostState, Stream, StreamRefused
from viscript.door.protocol import end_frame, line
from viscript.errors import ExitCode
from viscript.render.text import clean

if TYPE_CHECKING:
    from viscript.door.connection import Connection


class FarView:
    """One viewer of one app elsewhere. Whoever has it shows it and closes it."""

    def __init__(self, stream: Stream, early: bytes, host: HostState, facts: object) -> None:
        self._stream = stream
        self._early = early
        told: dict[str, Any] = facts if isinstance(facts, dict) else {}  # Any: JSON
        self._facts = {
            "id": f"{host.label}/{clean(str(told.get('id')))}",
            "tty": bool(told.get("tty")),
            "name": clean(str(told.get("name"))),
            "read_only": bool(told.get("read_only")),
        }

    async def show(self, connection: Connection) -> None:
        """Carry until one side ends it; a host that goes away is said."""
        await connection.send(line({"a": self._facts}))
        lost = await _first(lambda: self._outward(connection), lambda: self._inward(connection))
        if lost is not None:
            await connection.send(end_frame(ExitCode.UNREACHABLE, str(lost)))

    async def close(self) -> None:
        """Hang up: the app goes on."""
        await hang_up(self._stream)

    async def _outward(self, connection: Connection) -> None:
        data = self._early or await self._stream.read()
        while data:
            await connection.send(data)
            data = await self._stream.read()

    async def _inward(self, connection: Connection) -> None:
        while data := await connection.chunk():
            await self._stream.write(data)


async def _first(*jobs: Callable[[], Awaitable[None]]) -> HostAway | StreamRefused | None:
    """Run all until one ends; why the way to the host broke, if it did."""
    lost: list[HostAway | StreamRefused] = []

    async def guarded(job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except (HostAway, StreamRefused) as exc:
            lost.append(exc)
        finally:
            for task in tasks:
                task.cancel()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guarded(job)) for job in jobs]
    return lost[0] if lost else None
