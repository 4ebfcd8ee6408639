"""Whom a text means: a peer by its key, label or first digits, or a room by its name or id."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec

from components.visor.app import App, Misuse, UnknownName, parse_key
from plugins.skychat.desk import Desk
from plugins.skychat.history import Place, room
from plugins.skychat.wire import Room

ROOM: Final = "room:"
KEY_DIGITS: Final = 64  # of a whole key, or more: no name is as long
_DIGITS: Final = 6


class NoTalk(Exception):
    """The text means nobody, or could mean several."""


class Talk(NamedTuple):
    """A peer, or a room."""

    id: bytes
    name: str
    place: Place | None = None

    def receivers(self, own: bytes) -> tuple[bytes, ...]:
        """Who gets what is written here."""
        if self.place is not None:
            return self.place.receivers(own)
        return (self.id,) if self.id != own else ()


async def find(desk: Desk, visor: Callable[[], Awaitable[App]], text: str) -> Talk:
    """The talk that is meant. Raises `NoTalk`."""
    if len(text) >= KEY_DIGITS:
        try:
            return Talk(parse_key(text), "")  # the visor need not be asked
        except Misuse as exc:
            raise NoTalk(str(exc)) from exc
    found = await desk.writer.run(lambda db: _rooms(db, text.removeprefix(ROOM)))
    if len(found) > 1:
        raise NoTalk(
            f"{len(found)} rooms are called {text}: give more of an id, {', '.join(map(_shown, found))}"
        )
    if text.startswith(ROOM):
        if not found:
            raise NoTalk(f"no room is called {text.removeprefix(ROOM)}: see `chat`")
        return found[0]
    try:
        meaning = await (await visor()).meaning(text)
    except (UnknownName, Misuse) as exc:
        if found:
            return found[0]
        raise NoTalk(str(exc)) from exc
    if found:
        raise NoTalk(f"both a room and a peer are called {text}: write {ROOM}{text} for the room, or the key")
    return Talk(bytes(meaning.pk), meaning.label)


def _shown(talk: Talk) -> str:
    return ROOM + talk.id.hex()[:12]


def _rooms(db: sqlite3.Connection, text: str) -> list[Talk]:
    """The rooms of this name, or whose id begins so."""
    found: list[Talk] = []
    for id_, definition in db.execute("SELECT id, definition FROM room").fetchall():
        made = msgspec.msgpack.decode(definition, type=Room)
        if made.name == text or (len(text) >= _DIGITS and id_.hex().startswith(text.lower())):
            found.append(Talk(id_, made.name, room(db, id_)))
    return found
