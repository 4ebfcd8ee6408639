"""Keeps the heads of other hosts' audits: the newest that each has told, a row a host in the home's store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from viscript.cluster.audit.heads import HEAD_BYTES, BadHead, follows
from viscript.cluster.links.api import Caller, Stream
from viscript.store.memory import Memory

log = logging.getLogger(__name__)

KEPT: Final = "audit.head"
ANSWER_S: Final = 5.0  # for a caller to say all
KEEP_AGAIN_S: Final = 2.0  # between two heads of one host that are kept: each is a write to this home's disk
HOSTS_KNOWN: Final = 4096


class Keeper:
    """Answers the streams of the kind "audit"."""

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = memory
        self._clock = clock
        self._kept_at: dict[bytes, float] = {}

    async def serve(self, stream: Stream, caller: Caller) -> None:
        """Tell the head that is kept of the caller, then keep a newer one of his."""
        slot = bytes(caller.key)
        kept = (await self._memory.records(KEPT)).get(slot, b"")
        await stream.write(bytes([len(kept)]) + kept)
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await to_the_end(stream)
            if told and follows(told, kept, caller.key) and self._may_keep(slot):
                await self._memory.change_records(KEPT, {slot: told})
        except BadHead as exc:
            log.warning("host=%s: %s", caller.label, exc)
            await stream.close("bad-message", str(exc))
        except TimeoutError:
            await stream.close("deadline", f"no head within {ANSWER_S:g} s")

    def _may_keep(self, slot: bytes) -> bool:
        """Who tells more often than it should is heard, and not written down each time."""
        now = self._clock()
        if now - self._kept_at.get(slot, float("-inf")) < KEEP_AGAIN_S:
            return False
        if len(self._kept_at) >= HOSTS_KNOWN:
            del self._kept_at[next(iter(self._kept_at))]
        self._kept_at[slot] = now
        return True


async def to_the_end(stream: Stream) -> bytes:
    """All that comes. Raises `BadHead` for more than a head."""
    data = b""
    while more := await stream.read():
        data += more
        if len(data) > HEAD_BYTES:
            raise BadHead("more than the head of an audit")
    return data
