"""What was last heard of each host, kept over restarts of the daemon; written when one goes, and last."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.fleet import Fleet, Seen
from viscript.store.memory import Memory
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

SEEN: Final = "seen"
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Seen).decode


class Remembering:
    """Between the fleet and the store."""

    def __init__(self, memory: Memory, fleet: Fleet) -> None:
        self._memory = memory
        self._fleet = fleet

    async def recall(self, keys: Collection[PublicKey]) -> None:
        """Tell the fleet what an earlier daemon kept of these hosts."""
        if not keys:
            return
        rows = await self._memory.records(SEEN)
        for key in keys:
            if key in rows:
                try:
                    self._fleet.recall(key, _unpack(rows[key]))
                except msgspec.MsgspecError as exc:
                    log.error("host=%s: what was kept of it is not understood: %s", key.hex()[:16], exc)

    async def keep(self, keys: Iterable[PublicKey] | None = None, gone: Iterable[PublicKey] = ()) -> None:
        """Keep what is known of these hosts, or of all; forget those that are gone."""
        rows = {bytes(key): _pack(seen) for key, seen in self._fleet.seen(keys)}
        drop = {bytes(key) for key in gone}
        if rows or drop:
            try:
                await self._memory.change_records(SEEN, rows, drop)
            except StoreError as exc:
                log.error("what was heard of other hosts is not kept: %s", exc)
