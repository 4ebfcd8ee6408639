"""Keeps the heads of other hosts' audits: the newest that each has told, a row a host in the home's store."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from viscript.cluster.audit.heads import HEAD_BYTES, BadHead, follows
from viscript.cluster.links.api import Caller, Stream
from viscript.store.memory import Memory

log = logging.getLogger(__name__)

KEPT: Final = "audit.head"
ANSWER_S: Final = 5.0  # for a caller to say all


async def keep_heads(memory: Memory, stream: Stream, caller: Caller) -> None:
    """Answer one stream of the kind "audit": the head kept of the caller, then keep a newer one."""
    slot = bytes(caller.key)
    kept = (await memory.records(KEPT)).get(slot, b"")
    await stream.write(bytes([len(kept)]) + kept)
    try:
        async with asyncio.timeout(ANSWER_S):
            told = await to_the_end(stream)
        if told and follows(told, kept, caller.key):
            await memory.change_records(KEPT, {slot: told})
    except BadHead as exc:
        log.warning("host=%s: %s", caller.label, exc)
        await stream.close("bad-message", str(exc))
    except TimeoutError:
        await stream.close("deadline", f"no head within {ANSWER_S:g} s")


async def to_the_end(stream: Stream) -> bytes:
    """All that comes. Raises `BadHead` for more than a head."""
    data = b""
    while more := await stream.read():
        data += more
        if len(data) > HEAD_BYTES:
            raise BadHead("more than the head of an audit")
    return data
