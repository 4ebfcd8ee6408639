"""One end of a pipe or of a terminal that is ours, read and written without blocking the loop."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Final

PIECE: Final = 64 * 1024


class Descriptor:
    """Owns the number. One task reads, one writes."""

    def __init__(self, number: int) -> None:
        os.set_blocking(number, False)
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._finishing = False

    @property
    def number(self) -> int:
        """For ioctl; -1 when it is closed."""
        return self._number

    async def read(self) -> bytes:
        """What there is, as soon as there is some; b"" at the end."""
        while self._number >= 0:
            try:
                return os.read(self._number, PIECE)
            except (BlockingIOError, InterruptedError):
                if self._finishing:
                    return b""
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError as exc:
                if exc.errno != errno.EIO:  # nobody has the terminal open any more
                    raise
                return b""
        return b""

    async def write(self, data: bytes) -> None:
        """All of it. Raises `OSError` when nobody reads any more."""
        with memoryview(data) as view:
            at = 0
            while at < len(view):
                try:
                    at += os.write(self._number, view[at:])
                except (BlockingIOError, InterruptedError):
                    await self._ready(self._loop.add_writer, self._loop.remove_writer)

    def finish(self) -> None:
        """What has come by now is still read; then it is the end."""
        self._finishing = True
        self._wake()

    def close(self) -> None:
        """Give the number back."""
        if self._number >= 0:
            self._loop.remove_reader(self._number)
            self._loop.remove_writer(self._number)
            os.close(self._number)
            self._number = -1
            self._wake()

    def _wake(self) -> None:
        for future in self._waiting:
            _set(future)

    async def _ready(
        self,
        add: Callable[[int, Callable[[asyncio.Future[None]], None], asyncio.Future[None]], None],
        remove: Callable[[int], bool],
    ) -> None:
        number, future = self._number, self._loop.create_future()
        self._waiting.add(future)
        add(number, _set, future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if number == self._number:
                remove(number)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
