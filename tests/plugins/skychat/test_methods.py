"""What the verbs ask, and what they hear of errors."""

from pathlib import Path

import pytest

from plugins.skychat.methods import Methods
from signal_bus.client import RemoteError
from tests.support.chats import town, two


async def test_each_method_is_the_chats(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        asked = {method.__name__: method for method in mike.server.methods}
        assert set(asked) == {
            "say", "talks", "history", "unread", "read", "since", "room", "leave", "page",
        }  # fmt: skip
        methods = mike.server._methods
        assert (await methods.say(joe.key, "Hello"))["text"] == "Hello"
        assert len(await methods.talks()) == len(await methods.history(joe.key)) == 1
        assert await methods.unread() == []
        assert await methods.read(joe.key) == 0
        assert await methods.since() == {"turn": 1, "rows": []}
        assert (await methods.since(0))["turn"] == 1
        assert await methods.since(1, wait=False) == {"turn": 1, "rows": []}
        room = await methods.room("tea", [joe.key])
        assert (await methods.leave(room["talk"]))["leaves"] is True
        figures = await mike.server.status()
        assert (figures["key"], figures["talks"], figures["visor"]) == (mike.key, 2, True)
        assert set(await methods.page()) == {"link", "address", "curl"}


async def test_what_is_refused_has_a_code(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        mike = await whole.party(await whole.mesh.node(), "-addr", "off")
        say = next(method for method in mike.server.methods if method.__name__ == "say")
        with pytest.raises(RemoteError) as caught:
            await say("nobody", "Hello")  # type: ignore[misc]
        assert caught.value.code == "not-found"
        with pytest.raises(RemoteError, match="has no page"):
            await Methods(None).page()
        assert (await mike.server.status())["page"] == "off"
