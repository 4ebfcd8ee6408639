"""Streams that others open: by kind to whoever serves it, and a fault in one stays in one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from signal_bus.peers.stream import Stream as Bytes
from viscript.cluster.links.api import Caller, Handler, HostAway, Stream, StreamRefused
from viscript.cluster.links.stream import HostStream
from viscript.verbs.table import Role

log = logging.getLogger(__name__)


class Serving:
    """The kinds of streams, and who serves them."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def register(self, kind: str, handler: Handler) -> None:
        """Have `handler` carry the streams of this kind."""
        self._handlers[kind] = handler

    async def carry(self, stream: Bytes, caller: Caller | None) -> None:
        """Carry one stream to its end; what goes wrong is told to the other end."""
        handler = self._handlers.get(stream.kind)
        if caller is None:
            await stream.close("not-permitted", "this key is not in the roster")
        elif handler is None:
            await stream.close("unsupported", f'streams of the kind "{stream.kind}" are not served here')
        else:
            await self._guarded(handler, stream, caller)

    async def _guarded(self, handler: Handler, stream: Bytes, caller: Caller) -> None:
        try:
            await handler(HostStream(stream, caller.label, caller.key), caller)
            await stream.close()
        except (HostAway, StreamRefused) as exc:
            log.debug("host=%s kind=%s: %s", caller.label, stream.kind, exc)
        except Exception:  # a bug in one stream must not end the links
            log.exception("host=%s kind=%s: serving a stream failed", caller.label, stream.kind)
            await stream.close("failed", "a fault at the other end; its log has more")


def by_door(serve: Callable[..., Awaitable[None]]) -> Handler:
    """Serve streams of the kind "door" by `Door.serve(stream, actor=, role=)`."""

    async def handle(stream: Stream, caller: Caller) -> None:
        await serve(stream, actor=caller.key.hex(), role=Role(caller.role))

    return handle
