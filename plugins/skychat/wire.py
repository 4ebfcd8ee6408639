"""What two chats say to each other.

On a stream, from the one who dialled:  ff ff | u8 version 1 | items
and from the other:                     receipts
Each item and receipt is u32 length | msgpack, at most 64 KiB. A letter is one item without its length.

The first two bytes are no length that a chat of 2019 could send: it says u16 length | text, and is refused.

A text has a number for each receiver, without a gap: what comes before its turn waits for it. So the receiver
shows texts in order and each once, whichever way they came.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

VERSION: Final = 1
MAGIC: Final = b"\xff\xff" + bytes([VERSION])
HEAD: Final = 4
MAX_RECORD: Final = 64 * 1024
MAX_TEXT: Final = 16 * 1024  # bytes of UTF-8
MAX_NAME: Final = 64
MAX_MEMBERS: Final = 32
MAX_SEEN: Final = 64
ID_BYTES: Final = 16
KEY_BYTES: Final = 32
MAX_MS: Final = 253_402_300_799_999  # the end of the year 9999

Id = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
Key = Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=MAX_MS)]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Members = Annotated[tuple[Key, ...], msgspec.Meta(min_length=1, max_length=MAX_MEMBERS)]


class WireError(Exception):
    """The peer, or who wrote the letter, sent what is no item."""


class _Item(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    """What all have in common."""


class Room(msgspec.Struct, frozen=True):
    """A room: its id is drawn from all of this, so nobody can change it and keep the id."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    members: Members
    nonce: Id


class Say(_Item, frozen=True, tag="say"):
    """A text, to one or to a room. `leaves`: its sender takes no more of the room."""

    id: Id
    epoch: Millis
    number: Number
    time_ms: Millis
    text: Text
    room: Room | None = None
    leaves: bool = False


class Seen(_Item, frozen=True, tag="seen"):
    """Texts of yours that were read here."""

    ids: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=MAX_SEEN)]


class Got(msgspec.Struct, frozen=True, tag="got", tag_field="t"):
    """The next `count` items are kept; `next` is the number that is missing, of your newest epoch."""

    count: Count
    next: Number


Item = Say | Seen
_encode: Final = msgspec.msgpack.Encoder().encode
_items: Final[msgspec.msgpack.Decoder[Item]] = msgspec.msgpack.Decoder(Item)
_receipts: Final[msgspec.msgpack.Decoder[Got]] = msgspec.msgpack.Decoder(Got)
_BAD: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def record(message: Item | Got) -> bytes:
    """One item or receipt as it goes on a stream."""
    body = _encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def size_of(head: bytes) -> int:
    """How many bytes follow. Raises `WireError`."""
    size = int.from_bytes(head, "big")
    if not 0 < size <= MAX_RECORD:
        raise WireError(f"a record of {size} bytes (at most {MAX_RECORD} are allowed)")
    return size


def letter(item: Item) -> bytes:
    """One item as a letter."""
    return _encode(item)


def item_of(body: bytes) -> Item:
    """The item in a letter or record. Raises `WireError`."""
    try:
        item = _items.decode(body)
    except _BAD as exc:
        raise WireError(f"no item of a chat, {len(body)} bytes: {exc}") from exc
    if isinstance(item, Say):
        _check(item)
    return item


def receipt_of(body: bytes) -> Got:
    """The receipt in a record. Raises `WireError`."""
    try:
        return _receipts.decode(body)
    except _BAD as exc:
        raise WireError(f"no receipt of a chat, {len(body)} bytes: {exc}") from exc


def _check(say: Say) -> None:
    if len(say.text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise WireError(f"a text longer than {MAX_TEXT} bytes")
    if say.leaves and say.room is None:
        raise WireError("somebody leaves, and no room is named")
