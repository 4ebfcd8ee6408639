"""A mesh in one process, as pairing sees it: sockets of one home that lead to places of another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from viscript.errors import ViscriptError


class Ground:
    """What all visors share: whose places there are."""

    def __init__(self) -> None:
        self.places: dict[bytes, dict[str, str]] = {}


class Ways:
    """What leads for one home; `broken` says why it does not."""

    def __init__(self, ground: Ground, visor: bytes, folder: Path) -> None:
        self.visor = visor
        self.broken = ""
        self.opened = 0
        self._ground = ground
        self._folder = folder
        self._trouble = ""

    @property
    def places(self) -> dict[str, str]:
        """Of this home, and open now."""
        return self._ground.places.setdefault(self.visor, {})

    async def open(self, name: str, socket: str) -> None:
        if self.broken:
            raise ViscriptError(self.broken)
        self.opened += 1
        self.places[name] = socket

    def shut(self, name: str) -> None:
        self.places.pop(name, None)

    @asynccontextmanager
    async def way(self, visor: bytes, name: str, stem: str = "") -> AsyncIterator[str]:
        if self.broken:
            raise ViscriptError(self.broken)
        path = str(self._folder / f"{name}-{visor.hex()[:4]}.sock")

        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._lead(reader, writer, visor, name)
            await _close(writer)

        server = await asyncio.start_unix_server(lead, path)
        try:
            yield path
        finally:
            server.close()

    async def trouble(self, path: str) -> str:
        return self._trouble

    async def _lead(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visor: bytes, name: str
    ) -> None:
        place = self._ground.places.get(visor, {}).get(name)
        if place is None:
            self._trouble = f"{name} is not open to you there"
            return
        from_there, to_there = await asyncio.open_unix_connection(place)
        to_there.write(self.visor)
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, to_there))
            both.create_task(_copy(from_there, writer))
        await _close(to_there)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
        if writer.can_write_eof():
            writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()
