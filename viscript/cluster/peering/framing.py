"""Messages on a stream between two hosts: msgpack, with its length before it, u32 big endian."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import msgspec

from signal_bus.errors import PeerError
from viscript.cluster.links.api import HostAway, Stream, StreamRefused

log = logging.getLogger(__name__)
T = TypeVar("T")
_LENGTH: Final = struct.Struct(">I")


class BadOrder(PeerError):
    """The other host does not keep to the form."""


def framed(message: msgspec.Struct) -> bytes:
    """The bytes of a message."""
    data = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(data)) + data


async def message(stream: Stream, kind: type[T], most: int) -> T:
    """The next message. Raises `BadOrder` for one that is too long, not whole, or not as it must be."""
    data = await _whole(stream, most)
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadOrder(f"not as it must be: {exc}") from exc


async def unless_it_ends(stream: Stream, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives; None when the other end hangs up first, and the work is given up."""
    found: list[T] = []

    async def working() -> None:
        found.append(await work)
        watching.cancel()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_end(stream))
        task = group.create_task(working())
        watching.add_done_callback(lambda _: task.cancel())
    return found[0] if found else None


async def _end(stream: Stream) -> None:
    """Until the other end hangs up, or says what it has no turn for."""
    try:
        await stream.read()
    except (HostAway, StreamRefused) as exc:
        log.debug("what another host asked is given up: %s", exc)


async def _whole(stream: Stream, most: int) -> bytes:
    found = bytearray()
    wanted = _LENGTH.size
    while len(found) < wanted:
        data = await stream.read()
        if not data:
            raise BadOrder("it ended before all of it was said")
        found += data
        if wanted == _LENGTH.size <= len(found):
            wanted += _LENGTH.unpack_from(found)[0]
        if wanted > most or len(found) > wanted > _LENGTH.size:
            raise BadOrder(f"a message of {max(wanted, len(found))} bytes")
    return bytes(found[_LENGTH.size :])
