"""A chat: what its page, its verbs and programs can do with it."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from components.visor.app import App, AppError, Misuse, UnknownName
from components.visor.kit.kept import KeptVisor
from plugins.skychat import history, incoming, outgoing, rooms
from plugins.skychat.couriers import Couriers
from plugins.skychat.desk import Desk, StoreError
from plugins.skychat.feed import Happened
from plugins.skychat.history import Row
from plugins.skychat.outgoing import TooMany
from plugins.skychat.rooms import RoomError
from plugins.skychat.talks import NoTalk, Talk, find
from plugins.skychat.wire import ID_BYTES, MAX_TEXT, Room, Say

log = logging.getLogger(__name__)

FOLLOW_S: Final = 20.0
T = TypeVar("T")
NAMES: Final = 4096


class ChatError(Exception):
    """It is not done; `code` is for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Chat:
    """Of one node. Every method raises `ChatError`."""

    def __init__(self, desk: Desk, visor: KeptVisor, couriers: Couriers, *, tells_reading: bool) -> None:
        self.desk = desk
        self._visor = visor
        self._couriers = couriers
        self._tells_reading = tells_reading
        self._names: dict[bytes, str] = {}

    # -- writing

    async def say(self, to: str, text: str, id: str = "") -> Row:
        """Write to a peer or a room; the text as `history` has it. With an `id` it can be said again."""
        return await self._write(await self._talk(to), text, id=_id_of(id))

    async def room(self, name: str, members: Sequence[str]) -> Row:
        """A new room with us in it; others hear of it with its first text."""
        keys = [self.desk.own, *[(await self._talk(member, rooms_too=False)).id for member in members]]
        try:
            made = rooms.make(name, keys, secrets.token_bytes(ID_BYTES))
        except RoomError as exc:
            raise ChatError("bad-room", str(exc)) from exc
        id_ = rooms.id_of(made)
        await self._run(lambda db: incoming.keep_room(db, id_, made))
        self.desk.feed.tell(Happened("talks", {"talk": id_.hex()}))
        return {"talk": id_.hex(), "name": name, "members": [key.hex() for key in made.members]}

    async def leave(self, room: str) -> Row:
        """Take no more of a room; the others are told."""
        talk = await self._talk(room)
        if talk.place is None:
            raise ChatError("bad-room", f"{room} is a peer, no room")
        row = await self._write(talk, "", leaves=True)
        await self._run(lambda db: history.leave(db, talk.id))
        self.desk.feed.tell(Happened("talks", {"talk": talk.id.hex()}))
        return row

    async def _write(self, talk: Talk, text: str, *, leaves: bool = False, id: bytes = b"") -> Row:
        self._check(talk, text, leaves=leaves)
        made = talk.place.room if talk.place is not None else None
        receivers = talk.receivers(self.desk.own)
        id_ = id or secrets.token_bytes(ID_BYTES)
        row = await self._run(lambda db: self._add(db, talk.id, receivers, id_, text, made, leaves))
        self.desk.feed.tell(Happened("row", row, row["turn"]))
        for receiver in receivers:
            self._couriers.stir(receiver)
        return row

    def _add(
        self,
        db: sqlite3.Connection,
        talk: bytes,
        receivers: Sequence[bytes],
        id_: bytes,
        text: str,
        made: Room | None,
        leaves: bool,
    ) -> Row:
        now = self.desk.now_ms()
        say = Say(id_, outgoing.epoch(db, now), 1, now, text, made, leaves)
        known = history.mine(db, id_)  # another request with this id may have been quicker
        return known or history.text(db, outgoing.add(db, self.desk.own, talk, receivers, say))

    def _check(self, talk: Talk, text: str, *, leaves: bool) -> None:
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_TEXT:
            raise ChatError(
                "too-long", f"a text has at most {MAX_TEXT} bytes, and this one {size}: send it in parts"
            )
        if not text.strip() and not leaves:
            raise ChatError("empty", "there is nothing to say in this text")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ChatError("bad-text", "this text is no Unicode: it holds half of a letter")
        if talk.place is not None and talk.place.is_left:
            raise ChatError("left", f"you left {talk.name}; make a new room to write to its members")
        if talk.place is not None and not leaves and not talk.receivers(self.desk.own):
            raise ChatError("left", f"everybody else left {talk.name}")

    # -- reading

    async def talks(self) -> list[Row]:
        """A row for each talk, the newest first."""
        rows = await self._run(history.talks)
        for row in rows:
            if row["kind"] == "peer":
                row["name"] = await self._name(bytes.fromhex(row["talk"]))
            else:
                row["names"] = [await self._name(bytes.fromhex(key)) for key in row["members"]]
        return rows

    async def peer(self, text: str) -> Row:
        """Whom a text means."""
        talk = await self._talk(text, rooms_too=False)
        return {"talk": talk.id.hex(), "name": talk.name or await self._name(talk.id)}

    async def history(self, talk: str, before: int = 0, limit: int = 50) -> list[Row]:
        """The last texts of a talk, or those before a turn; oldest first."""
        if limit < 1 or before < 0:
            raise ChatError("bad-params", "limit is at least 1, before at least 0")
        found = await self._talk(talk)
        rows = await self._run(partial(history.texts, talk=found.id, before=before, limit=limit))
        return await self._named(rows)

    async def unread(self) -> list[Row]:
        """The texts that nobody read here, oldest first."""
        return await self._named(await self._run(history.unread))

    async def read(self, talk: str) -> int:
        """All of a talk is read; how many texts were not."""
        found = await self._talk(talk)
        return await self.read_of(found.id)

    async def read_of(self, talk: bytes) -> int:
        """The same by the talk's id."""
        peers, count = await self._run(partial(history.read, talk=talk, tell=self._tells_reading))
        if count:
            self.desk.roomier.set()
            self.desk.feed.tell(Happened("read", {"talk": talk.hex()}))
        for peer in peers if self._tells_reading else ():
            self._couriers.stir(peer)
        return count

    async def copies(self, id: str) -> dict[str, str]:
        """How far a text of ours came to each of its receivers."""
        try:
            found = bytes.fromhex(id)
        except ValueError as exc:
            raise ChatError("bad-params", f"{id!r} is no id of a text") from exc
        return await self._run(partial(history.copies, id_=found))

    async def last(self) -> int:
        """The newest turn."""
        return await self._run(history.last)

    async def since(self, turn: int, wait_s: float = 0.0) -> list[Row]:
        """The texts behind a turn; waits so long for the first one."""
        with self.desk.feed.following() as follower:
            rows = await self._run(partial(history.since, turn=turn))
            while not rows and wait_s > 0:
                happened = await follower.next(min(wait_s, FOLLOW_S))
                if happened is None:
                    break
                if happened.kind == "row":
                    rows = await self._run(partial(history.since, turn=turn))
            return await self._named(rows)

    # -- names

    async def _talk(self, text: str, *, rooms_too: bool = True) -> Talk:
        try:
            talk = await find(self.desk, self._visor.app, text)
        except NoTalk as exc:
            raise ChatError("not-found", str(exc)) from exc
        except (AppError, TimeoutError) as exc:
            raise ChatError("no-visor", f"the visor does not answer: {str(exc) or 'it is away'}") from exc
        if talk.place is not None and not rooms_too:
            raise ChatError("bad-room", f"{text} is a room; the members of a room are peers")
        return talk

    async def named(self, happened: Happened) -> Happened:
        """The same, with the name of who wrote."""
        if happened.kind != "row":
            return happened
        (row,) = await self._named([dict(happened.data)])
        return happened._replace(data=row)

    async def _named(self, rows: list[Row]) -> list[Row]:
        names = {key: await self._name(bytes.fromhex(key)) for key in {row["sender"] for row in rows}}
        for row in rows:
            row["name"] = names[row["sender"]]
        return rows

    async def _name(self, key: bytes) -> str:
        """What a key is called here; nothing where it has no name, or the visor is away."""
        if not self._visor.is_there:
            return self._names.get(key, "")
        try:
            app: App = await self._visor.app()
            name = (await app.meaning(key.hex())).label
        except (UnknownName, Misuse, AppError, TimeoutError) as exc:
            log.debug("no name for key=%s: %s", key.hex()[:8], exc)
            return self._names.get(key, "")
        if len(self._names) < NAMES:
            self._names[key] = name
        return name

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self.desk.writer.run(work)
        except TooMany as exc:
            raise ChatError("full", str(exc)) from exc
        except StoreError as exc:
            raise ChatError("store", str(exc)) from exc


def _id_of(text: str) -> bytes:
    """An id that a program chose; nothing for none. Raises `ChatError`."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b"?"
    if text and len(found) != ID_BYTES:
        raise ChatError("bad-params", f"an id has {2 * ID_BYTES} hexadecimal digits")
    return found
