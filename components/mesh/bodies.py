"""Bodies of HTTP requests as they come in: bounded in length, in time, and in number for each network.

Who is sending a body holds a connection, of few. So only some of a network may be on their way at once: its
slow ones keep nobody else out.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Final

from aiohttp import web

from components.mesh.doors import network
from components.mesh.web import MAX_BODY_BYTES, Refusal

BODY_S: Final = 5.0
MOST: Final = 32  # of a network that are read at once, of the 128 connections of a listener


class Bodies:
    """Reads the bodies of one listener."""

    def __init__(self) -> None:
        self._reading: Counter[str] = Counter()  # those on their way, by network

    async def read(self, request: web.Request) -> bytes:
        """The whole body. Raises `Refusal` for one that is too long or too slow, or one of too many."""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise Refusal(413, "length", f"a body has at most {MAX_BODY_BYTES} bytes")
        origin = network(request.remote or "")
        if self._reading[origin] >= MOST and request.can_read_body:
            raise Refusal(503, "busy", "too many bodies of your network are on their way; try again later")
        self._reading[origin] += 1
        try:
            async with asyncio.timeout(BODY_S):
                return await request.read()
        except TimeoutError as exc:
            raise Refusal(408, "slow", f"the body did not come within {BODY_S:g} s") from exc
        finally:
            self._reading[origin] -= 1
            if not self._reading[origin]:
                del self._reading[origin]

    async def json_object(self, request: web.Request) -> dict[str, object]:
        """The body as a JSON object. Raises `Refusal`."""
        body = await self.read(request)
        try:
            data = json.loads(body.decode())
        except (ValueError, RecursionError) as exc:
            raise Refusal(400, "json", f"the body is no JSON: {exc}") from exc
        if not isinstance(data, dict):
            raise Refusal(400, "json", "the body must be a JSON object")
        return data
