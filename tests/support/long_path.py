"""A long way between two TCP ends: every byte arrives `delay_s` later, in order, at full width.

There is no netem everywhere, so the delay is made here. It serves connections until it is closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

_BLOCK = 256 * 1024
_IN_FLIGHT = 64 * 1024 * 1024


class LongPath:
    """Listens on loopback and carries each connection to `target`, one way taking `delay_s`."""

    def __init__(self, target: tuple[str, int], delay_s: float) -> None:
        self._target = target
        self._delay_s = delay_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer))
                group.create_task(self._carry(far_reader, writer))
        except* OSError:
            pass  # one end hung up: so does the other
        finally:
            far_writer.close()
            writer.close()
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each block waits for its time; what is under way is bounded."""
        under_way: deque[tuple[float, bytes]] = deque()
        more, room = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(under_way, more, room, writer))
            clock = asyncio.get_running_loop().time
            while True:
                block = await reader.read(_BLOCK)
                under_way.append((clock() + self._delay_s, block))
                more.set()
                if not block:
                    return
                while sum(len(part) for _, part in under_way) > _IN_FLIGHT:
                    room.clear()
                    await room.wait()

    async def _deliver(
        self,
        under_way: deque[tuple[float, bytes]],
        more: asyncio.Event,
        room: asyncio.Event,
        writer: asyncio.StreamWriter,
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            while not under_way:
                more.clear()
                await more.wait()
            due, block = under_way[0]
            await asyncio.sleep(max(0.0, due - clock()))
            under_way.popleft()
            room.set()
            if not block:
                writer.write_eof()
                return
            writer.write(block)
            await writer.drain()
