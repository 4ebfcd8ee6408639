"""Whom a text means, with a visor that the test plays; the real one: test_chat."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from components.visor.app import App, Meaning, UnknownName
from components.visor.kit.store import Writer
from plugins.skychat import incoming, rooms
from plugins.skychat.desk import Desk
from plugins.skychat.feed import Feed
from plugins.skychat.schema import SCHEMA
from plugins.skychat.talks import NoTalk, find
from tests.support.mesh import ALICE

OWN, A = (bytes([number]) * 32 for number in (9, 1))


class Book:
    async def meaning(self, text: str) -> Meaning:
        if text != "mike":
            raise UnknownName("not-found", f"no peer is called {text}")
        return Meaning(1, A, "mike")


async def visor() -> App:
    return cast(App, Book())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Writer(tmp_path / "chat.db", SCHEMA) as writer:
        yield Desk(writer, Feed(), OWN)


async def add_room(desk: Desk, name: str) -> str:
    room = rooms.make(name, (OWN, A), secrets.token_bytes(16))
    await desk.writer.run(lambda db: incoming.keep_room(db, rooms.id_of(room), room))
    return rooms.id_of(room).hex()


async def test_a_peer_is_who_the_visor_says(desk: Desk) -> None:
    talk = await find(desk, visor, "mike")
    assert (talk.id, talk.name, talk.receivers(OWN), talk.receivers(A)) == (A, "mike", (A,), ())
    with pytest.raises(NoTalk, match="no peer is called joe"):
        await find(desk, visor, "joe")


async def test_a_whole_key_is_nobody_elses_name(desk: Desk) -> None:
    key = ALICE.public_key
    assert (await find(desk, visor, f"02{key.hex()}")).id == key
    with pytest.raises(NoTalk):
        await find(desk, visor, "x" * 64)


async def test_a_room_is_known_by_its_name_or_the_beginning_of_its_id(desk: Desk) -> None:
    id_ = await add_room(desk, "tea")
    for text in ("tea", "room:tea", id_, id_[:6].upper(), f"room:{id_[:8]}"):
        talk = await find(desk, visor, text)
        assert (talk.id.hex(), talk.name, talk.receivers(OWN)) == (id_, "tea", (A,))
    for text in (id_[:5], f"room:{id_[:5]}", "room:mike"):
        with pytest.raises(NoTalk):
            await find(desk, visor, text)


async def test_what_could_mean_several_is_refused(desk: Desk) -> None:
    for name in ("tea", "tea", "mike"):
        await add_room(desk, name)
    with pytest.raises(NoTalk, match="2 rooms are called tea"):
        await find(desk, visor, "tea")
    with pytest.raises(NoTalk, match="both a room and a peer"):
        await find(desk, visor, "mike")
    assert (await find(desk, visor, "room:mike")).name == "mike"
