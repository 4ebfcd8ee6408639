"""Texts go by stream to who is there and by letter to who is not, and each is shown once."""

import asyncio
from pathlib import Path

import pytest

from plugins.skychat import couriers
from plugins.skychat.direct import Direct
from tests.support.chats import Party, eventually, town, two, until
from tests.support.nodes import link


async def arrived(party: Party, other: Party, *texts: str) -> None:
    async def came() -> bool:
        return await party.texts(other) == list(texts)

    await eventually(came)


async def states(party: Party, other: Party, *words: str) -> None:
    async def so() -> bool:
        return await party.states(other) == list(words)

    await eventually(so)


async def test_hello_mike_hello_joe_system_is_working(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        await joe.chat.say(mike.key, "Hello Mike!")
        await arrived(mike, joe, "Hello Mike!")
        await mike.chat.say(joe.key, "Hello Joe!")
        await arrived(joe, mike, "Hello Mike!", "Hello Joe!")
        await joe.chat.say(mike.key, "System is working!")
        await arrived(mike, joe, "Hello Mike!", "Hello Joe!", "System is working!")
        await states(joe, mike, "delivered", "delivered")
        assert await mike.chat.read(joe.key) == 2
        await states(joe, mike, "read", "read")


async def test_texts_to_one_who_is_away_wait_at_the_messenger_and_come_once_and_in_order(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "DIAL_S", 1.0)
    monkeypatch.setattr(couriers, "AGAIN_S", (0.2, 0.5))
    async with town(short_tmp) as whole:
        await whole.mesh.serve_manager()
        await whole.mesh.serve_messenger()
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await until(lambda: mike.relay.present and joe.relay.present)
        here, there = await whole.party(mike), await whole.party(joe)
        await whole.leave(there)
        for number in range(5):
            await here.chat.say(there.key, f"{number}")
        await states(here, there, *["delivered"] * 5)  # Joe's node has signed for them
        there = await whole.party(joe)
        await arrived(there, here, *map(str, range(5)))
        await link(mike, joe)
        for number in range(5, 8):
            await here.chat.say(there.key, f"{number}")
        await arrived(there, here, *map(str, range(8)))
        await there.chat.read(here.key)
        await states(here, there, *["read"] * 8)


async def test_a_chat_that_was_stopped_goes_on_with_what_it_owed(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        here, there = await whole.party(mike), await whole.party(joe)
        await here.chat.say(there.key, "are you there?")
        await whole.leave(here)
        await link(mike, joe)
        here = await whole.party(mike)
        await arrived(there, here, "are you there?")
        await states(here, there, "delivered")


async def test_who_dials_us_is_dialled_at_once(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "AGAIN_S", (1000.0, 1000.0))
    async with town(short_tmp) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        here, there = await whole.party(mike), await whole.party(joe)
        await here.chat.say(there.key, "one")
        await until(lambda: here.server.couriers._route(bytes(joe.key)).dial_at > 0, 30)
        await link(mike, joe)
        await there.chat.say(here.key, "two")
        await arrived(there, here, "two", "one")


async def test_a_chat_that_comes_back_is_sent_what_waited_at_once(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "AGAIN_S", (1000.0, 1000.0))
    async with town(short_tmp) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await link(mike, joe)
        here, there = await whole.party(mike), await whole.party(joe)
        await here.chat.say(there.key, "one")
        await arrived(there, here, "one")
        await whole.leave(there)
        await here.chat.say(there.key, "two")
        await until(lambda: here.server.couriers._route(bytes(joe.key)).dial_at > 0, 30)
        there = await whole.party(joe)
        await arrived(there, here, "one", "two")
        await until(lambda: bytes(mike.key) not in there.server.couriers._routes)


async def test_a_fault_in_one_round_ends_no_other(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with two(short_tmp) as (mike, joe):
        healthy = Direct

        class Once:
            """The first one has a bug."""

            def __init__(self, *args: object) -> None:
                monkeypatch.setattr(couriers, "Direct", healthy)
                raise RuntimeError("a bug")

        monkeypatch.setattr(couriers, "Direct", Once)
        monkeypatch.setattr(couriers, "AGAIN_S", (0.05, 0.1))
        await mike.chat.say(joe.key, "Hello")
        await arrived(joe, mike, "Hello")
        assert "failed" in caplog.text


async def test_a_visor_that_goes_is_waited_for(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.visor.kit.kept.PATIENCE_S", 0.1)
    monkeypatch.setattr(couriers, "AGAIN_S", (0.05, 0.1))
    async with two(short_tmp) as (mike, joe):
        visor = mike.server._visor
        app = visor._app
        assert app is not None
        app.close()
        await until(lambda: visor.is_there and visor._app is not app)
        row = await mike.chat.say(joe.key, "Hello")
        assert row["state"] == "queued"
        await arrived(joe, mike, "Hello")


async def test_many_receivers_take_turns(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "MOST", 1)
    async with town(short_tmp) as whole:
        hub = await whole.mesh.node()
        here = await whole.party(hub)
        others = []
        for _ in range(3):
            node = await whole.mesh.node()
            await link(hub, node)
            others.append(await whole.party(node))
        async with asyncio.TaskGroup() as group:
            for other in others:
                group.create_task(here.chat.say(other.key, "Hello"))
        for other in others:
            await arrived(other, here, "Hello")
