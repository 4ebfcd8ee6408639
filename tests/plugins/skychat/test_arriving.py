"""What comes to a chat, from peers that keep to the rules and from others."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.app import StreamReset
from plugins.skychat import arriving, couriers, incoming
from plugins.skychat.arriving import BUSY, NOT_WELCOME, OTHER_CHAT, Cutter
from plugins.skychat.wire import MAGIC, Got, Item, Say, Seen, WireError, letter, receipt_of, record
from tests.support.chats import eventually, town, two, until
from tests.support.nodes import link

ITEMS: list[Item] = [
    Say(bytes(16), 1, 1, 5, "Hello"),
    Seen((bytes(16),)),
    Say(bytes(16), 1, 2, 5, "x" * 9000),
]


@given(st.lists(st.integers(1, 9200), max_size=20))
def test_items_survive_any_split(cuts: list[int]) -> None:
    whole, cutter, found = b"".join(map(record, ITEMS)), Cutter(), list[Item]()
    for cut in (*cuts, len(whole)):
        cutter.feed(whole[:cut])
        whole = whole[cut:]
        while items := cutter.items():
            found += items
    assert found == ITEMS


def test_only_so_many_are_kept_together() -> None:
    cutter = Cutter()
    cutter.feed(record(ITEMS[0]) * (arriving.TOGETHER + 1))
    assert [len(cutter.items()), len(cutter.items()), len(cutter.items())] == [arriving.TOGETHER, 1, 0]


def test_a_length_that_is_none_is_refused() -> None:
    cutter = Cutter()
    cutter.feed(b"\xff\xff\xff\xff")
    with pytest.raises(WireError):
        cutter.items()


async def test_a_peer_hears_what_is_kept_and_a_foe_is_broken_off(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "STREAMS_OF_ONE", 1)
    async with town(short_tmp) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await link(mike, joe)
        there = await whole.party(joe)
        app = await whole.mesh.app(mike)
        async with await app.dial(joe.key, 1) as stream, asyncio.timeout(20):
            stream.write(MAGIC + record(ITEMS[0]))
            head = await stream.readexactly(4)
            assert receipt_of(await stream.readexactly(int.from_bytes(head, "big"))) == Got(1, 2)
            async with await app.dial(joe.key, 1) as other:
                with pytest.raises(StreamReset) as caught:
                    await other.read()
            assert caught.value.code == BUSY
        await until(lambda: not there.server.arriving._open)
        for said in (b"\x00\x05Hello", MAGIC + b"\xff\xff\xff\xff", MAGIC + b"\x00\x00\x00\x01x"):
            async with await app.dial(joe.key, 1) as stream, asyncio.timeout(20):
                stream.write(said)
                with pytest.raises(StreamReset) as caught:
                    await stream.read()
            assert caught.value.code == OTHER_CHAT
            await until(lambda: not there.server.arriving._open)
        assert [row["text"] for row in await there.chat.history(mike.key.hex())] == ["Hello"]


async def test_who_is_not_on_the_list_is_not_heard(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        await whole.mesh.serve_manager()
        await whole.mesh.serve_messenger()
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await link(mike, joe)
        there = await whole.party(joe, "--allow", joe.key.hex())
        app = await whole.mesh.app(mike)
        async with await app.dial(joe.key, 1) as stream, asyncio.timeout(20):
            stream.write(MAGIC + record(ITEMS[0]))
            with pytest.raises(StreamReset) as caught:
                await stream.read()
        assert caught.value.code == NOT_WELCOME
        await until(lambda: mike.relay.present and joe.relay.present)
        await app.mail.post(joe.key, 1, letter(ITEMS[0]))
        await until(lambda: there.server.arriving.refused == 2, 30)
        assert await there.chat.talks() == []


async def test_what_there_is_no_room_for_stays_with_its_sender(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_UNREAD", 0)
    monkeypatch.setattr(couriers, "AGAIN_S", (0.05, 0.1))
    async with two(short_tmp) as (mike, joe):
        await mike.chat.say(joe.key, "Hello")
        await until(lambda: joe.server.arriving.refused > 0)
        assert await joe.chat.talks() == []
        monkeypatch.setattr(incoming, "MAX_UNREAD", 1)

        async def came() -> bool:
            return await joe.texts(mike) == ["Hello"]

        await eventually(came)


@pytest.mark.parametrize("limit", ["MAX_UNREAD", "MAX_EARLY"])
async def test_letters_of_one_who_is_not_read_hold_up_nobody_and_come_once_there_is_room(
    limit: str, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, limit, 10)
    monkeypatch.setattr(arriving, "AGAIN_S", 0.05)
    async with town(short_tmp) as whole:
        await whole.mesh.serve_manager()
        await whole.mesh.serve_messenger()
        mike, joe, ann = [await whole.mesh.node() for _ in range(3)]
        await until(lambda: all(node.relay.present for node in (mike, joe, ann)))
        there = await whole.party(joe)
        loud, quiet = await whole.mesh.app(mike), await whole.mesh.app(ann)
        numbers = range(1, 41) if limit == "MAX_UNREAD" else (*range(2, 41), 1)
        for number in numbers:
            await loud.mail.post(joe.key, 1, letter(said(number)))
        await until(lambda: mike.key in there.server.arriving.put_off, 30)
        await quiet.mail.post(joe.key, 1, letter(ITEMS[0]))

        async def heard() -> bool:
            return bool(await there.chat.history(ann.key.hex()))

        await eventually(heard)

        async def all_came() -> bool:
            await there.chat.read(mike.key.hex())
            return len(await there.chat.history(mike.key.hex())) == 40

        await eventually(all_came)
        texts = [row["text"] for row in await there.chat.history(mike.key.hex())]
        assert texts == [str(number) for number in range(1, 41)]


def said(number: int) -> Say:
    """A text with an id of its own."""
    return Say(number.to_bytes(16, "big"), 1, number, 5, str(number))


async def test_a_letter_that_says_nothing_holds_up_none(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        await whole.mesh.serve_manager()
        await whole.mesh.serve_messenger()
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await until(lambda: mike.relay.present and joe.relay.present)
        app = await whole.mesh.app(mike)
        await app.mail.post(joe.key, 1, b"no item")
        await app.mail.post(joe.key, 1, letter(ITEMS[0]))
        there = await whole.party(joe)

        async def came() -> bool:
            return [row["text"] for row in await there.chat.history(mike.key.hex())] == ["Hello"]

        await eventually(came)
