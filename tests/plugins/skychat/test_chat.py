"""What people do with a chat, and what it refuses them."""

import asyncio
from pathlib import Path

import pytest

from plugins.skychat import history, outgoing
from plugins.skychat.chat import ChatError
from plugins.skychat.wire import MAX_TEXT
from tests.support.chats import Party, eventually, town, two, until
from tests.support.nodes import link


async def hears(party: Party, talk: str, *texts: str) -> None:
    """Until it has these texts there, and no other."""

    async def so() -> bool:
        rows = await party.chat.desk.writer.run(lambda db: history.texts(db, bytes.fromhex(talk)))
        return [row["text"] for row in rows] == list(texts)

    await eventually(so)


async def test_a_room_of_three_hears_each_until_one_leaves(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        nodes = [await whole.mesh.node() for _ in range(3)]
        for one, other in ((0, 1), (1, 2), (0, 2)):
            await link(nodes[one], nodes[other])
        ann, bob, cat = [await whole.party(node) for node in nodes]
        room = (await ann.chat.room("tea", [bob.key, cat.key]))["talk"]
        await ann.chat.say("tea", "Who is there?")
        for party in (bob, cat):
            await hears(party, room, "Who is there?")
        await bob.chat.say(f"room:{room[:8]}", "I am")
        for party in (ann, cat):
            await hears(party, room, "Who is there?", "I am")
        await cat.chat.leave("tea")
        await hears(ann, room, "Who is there?", "I am", "")
        row = await ann.chat.say("room:tea", "Two are left")
        assert await ann.chat.copies(row["id"]) == {bob.key: "queued"}
        await hears(bob, room, "Who is there?", "I am", "", "Two are left")
        await bob.chat.leave("tea")
        await hears(ann, room, "Who is there?", "I am", "", "Two are left", "")
        with pytest.raises(ChatError, match="everybody else left tea"):
            await ann.chat.say("tea", "Hello?")
        (talk,) = await cat.chat.talks()
        assert (talk["is_left"], len(talk["members"]), talk["names"]) == (True, 3, ["", "", ""])
        with pytest.raises(ChatError, match="you left tea"):
            await cat.chat.say("tea", "hm")


async def test_what_cannot_be_said_is_refused(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two(short_tmp) as (mike, joe):
        chat = mike.chat
        for text, code in (("ü" * MAX_TEXT, "too-long"), (" \n", "empty"), ("half \ud83d", "bad-text")):
            with pytest.raises(ChatError) as caught:
                await chat.say(joe.key, text)
            assert caught.value.code == code
        for peer in ("nobody", "", "x" * 300, "room:nothing"):
            with pytest.raises(ChatError) as caught:
                await chat.say(peer, "Hello")
            assert caught.value.code == "not-found"
        for call in (
            chat.history(joe.key, limit=0),
            chat.copies("zz"),
            chat.leave(joe.key),
            chat.room("x", []),
        ):
            with pytest.raises(ChatError):
                await call
        monkeypatch.setattr(outgoing, "MAX_OPEN", 0)
        with pytest.raises(ChatError) as caught:
            await chat.say(joe.key, "one too many")
        assert caught.value.code == "full"


async def test_what_is_said_again_with_its_id_is_one_text(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        id_ = 16 * "0a"
        async with asyncio.TaskGroup() as group:
            said = [group.create_task(mike.chat.say(joe.key, "Hello", id_)) for _ in range(3)]
        assert len({task.result()["turn"] for task in said}) == 1
        assert (await mike.chat.say(joe.key, "Hello", id_))["id"] == id_
        await hears(joe, mike.key, "Hello")
        for bad in ("0a", "x" * 32):
            with pytest.raises(ChatError, match="32 hexadecimal digits"):
                await mike.chat.say(joe.key, "Hello", bad)


async def test_a_label_is_enough_and_a_name_of_two_is_asked_about(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        mike.node.book.name(joe.node.key, "joe")
        assert await mike.chat.peer("joe") == {"talk": joe.key, "name": "joe"}
        await mike.chat.say("joe", "Hello Joe!")
        assert (await mike.chat.talks())[0]["name"] == "joe"
        await mike.chat.room("joe", ["joe"])
        with pytest.raises(ChatError, match="both a room and a peer"):
            await mike.chat.say("joe", "which?")
        with pytest.raises(ChatError, match="is a room; the members"):
            await mike.chat.room("more", ["room:joe"])
        await mike.chat.room("joe", [joe.key])
        with pytest.raises(ChatError, match="2 rooms are called"):
            await mike.chat.say("room:joe", "which?")


async def test_who_follows_gets_what_is_new_or_hears_of_nothing(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        last = await joe.chat.last()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(joe.chat.since(last, 20))
            await until(lambda: len(joe.chat.desk.feed))
            await mike.chat.say(joe.key, "Hello")
            (row,) = await following
        assert (row["text"], row["state"]) == ("Hello", "unread")
        assert [unread["id"] for unread in await joe.chat.unread()] == [row["id"]]
        assert await joe.chat.since(row["turn"], 0.01) == []
        assert len(await joe.chat.since(0)) == 1


async def test_a_note_to_oneself_has_arrived(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        mike = await whole.party(await whole.mesh.node())
        assert (await mike.chat.say(mike.key, "buy milk"))["state"] == "read"
        assert await mike.texts(mike) == ["buy milk"]


async def test_reading_can_be_kept_to_oneself(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await link(mike, joe)
        here, there = await whole.party(mike), await whole.party(joe, "--silent")
        await here.chat.say(there.key, "Hello")
        await hears(there, here.key, "Hello")
        assert await there.chat.read(here.key) == 1
        assert await there.chat.desk.unseen(bytes(mike.key)) is None


async def test_without_a_visor_it_says_so_and_names_are_those_it_knew(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.visor.kit.kept.PATIENCE_S", 0.05)
    async with two(short_tmp) as (mike, joe):
        mike.node.book.name(joe.node.key, "joe")
        await mike.chat.say("joe", "Hello")
        assert (await mike.chat.talks())[0]["name"] == "joe"
        monkeypatch.setattr(mike.server._visor, "_app", None)
        mike.server._visor._there.clear()
        with pytest.raises(ChatError, match="the visor does not answer"):
            await mike.chat.say("joe", "Hello")
        assert (await mike.chat.talks())[0]["name"] == "joe"
