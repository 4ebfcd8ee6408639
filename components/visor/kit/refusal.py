"""How an app turns a peer away."""

from __future__ import annotations

import logging

from components.visor.app import AppError, Stream

log = logging.getLogger(__name__)


async def turned_away(stream: Stream, code: int) -> None:
    """The stream ends with `code`, or, where its peer has left already, without one."""
    try:
        await stream.abort(code)
    except AppError as exc:
        log.info("peer=%s: %s", stream.peer.hex()[:8], exc)
        stream.close()
