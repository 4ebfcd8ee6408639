"""Rooms: a few keys that write to each other. Pure.

Whoever writes sends to every member. There is no owner: a room is its name and its members for ever, and its
id is drawn from them. Other members, or another name, are another room.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from plugins.skychat.wire import ID_BYTES, MAX_MEMBERS, MAX_NAME, Room

ROOM_BYTES: Final = ID_BYTES
_CONTEXT: Final = b"skychat room 1"


class RoomError(Exception):
    """This is no room, or not one for us."""


def make(name: str, members: Iterable[bytes], nonce: bytes) -> Room:
    """A room. Raises `RoomError`."""
    keys = tuple(sorted(set(members)))
    if not 1 < len(keys) <= MAX_MEMBERS:
        raise RoomError(f"a room has 2 to {MAX_MEMBERS} members, you among them; these are {len(keys)}")
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise RoomError(f"a room's name has 1 to {MAX_NAME} printed letters")
    return Room(name, keys, nonce)


def id_of(room: Room) -> bytes:
    """What a room is known by."""
    whole = hashlib.blake2b(_CONTEXT, digest_size=ROOM_BYTES)
    for part in (room.nonce, room.name.encode(), *room.members):
        whole.update(len(part).to_bytes(4, "big") + part)
    return whole.digest()


def check(room: Room, sender: bytes, own: bytes) -> None:
    """Raises `RoomError` unless it is a room of both."""
    if make(room.name, room.members, room.nonce) != room:
        raise RoomError("the members are not in order")
    for key in (sender, own):
        if key not in room.members:
            raise RoomError(f"{key.hex()} is no member of {room.name}")
