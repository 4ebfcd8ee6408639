"""Node entries from directories over HTTP, one asked after the other, each entry checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from components.mesh import entry, keys
from components.mesh.entry import NodeEntry
from components.mesh.errors import MeshError, Unreachable
from components.node_manager.setup.whereabouts import Entries, nobody
from signal_bus.ids import PublicKey

TIMEOUT_S: Final = 2.0
PATH: Final = "/messaging-discovery/entry/"


@asynccontextmanager
async def directories(urls: Sequence[str]) -> AsyncIterator[Entries]:
    """A look-up in the directories at `urls`, inside the block."""
    if not urls:
        yield nobody
        return
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:

        async def find(key: PublicKey) -> NodeEntry:
            last: MeshError = Unreachable(key.hex(), "no directory knows it")
            for url in urls:
                try:
                    return await _asked(session, url.rstrip("/"), key)
                except MeshError as exc:
                    last = exc
            raise last

        yield find


async def _asked(session: aiohttp.ClientSession, url: str, key: PublicKey) -> NodeEntry:
    try:
        async with session.get(f"{url}{PATH}{keys.hex66(key)}", allow_redirects=False) as answer:
            if answer.status != 200:
                raise Unreachable(key.hex(), f"the directory {url} answers {answer.status}")
            data = await _bounded(answer.content)
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise Unreachable(url, str(exc) or f"no answer within {TIMEOUT_S:g} s") from exc
    found = entry.decode(data)
    await asyncio.to_thread(entry.check, found)
    return found


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """The body, and no more of it than shows that it is too long."""
    data = b""
    while len(data) <= entry.MAX_BYTES and (part := await content.read(entry.MAX_BYTES + 1 - len(data))):
        data += part
    return data
