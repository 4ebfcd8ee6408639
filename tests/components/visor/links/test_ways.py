import asyncio
import socket
from typing import Never

import pytest

from components.mesh.entry import NodeEntry
from components.mesh.errors import TimedOut, Unreachable, WireError
from components.visor.links import ways as module
from components.visor.links.ways import MESSENGER, ByMessenger, Direct
from signal_bus.ids import PublicKey
from tests.support.links import Book, Exchange
from tests.support.mesh import BOB, CAROL


class Silent:
    """A directory and a relay that never answer, or fail in words of the mesh."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        return await self._nothing()

    async def dial(self, peer: PublicKey) -> socket.socket:
        return await self._nothing()

    async def _nothing(self) -> Never:
        if self._fault is None:
            await asyncio.Event().wait()
        assert self._fault is not None
        raise self._fault


class Liar(Book):
    """A directory that gives another node's entry."""

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        return await super().entry(CAROL.public_key)


async def test_what_the_user_said_comes_before_the_directory() -> None:
    book = Book({BOB.public_key: ("a:1", "b:2")})
    assert await Direct(book).places(BOB.public_key, "c:3") == ("c:3",)
    assert await Direct(book).places(BOB.public_key, None) == ("a:1", "b:2")


@pytest.mark.parametrize("book", [None, Book({}), Book({BOB.public_key: ()})])
async def test_a_node_nobody_knows_is_said_with_what_to_do(book: Book | None) -> None:
    with pytest.raises(Unreachable, match="say one, as in KEY@HOST:PORT"):
        await Direct(book).places(BOB.public_key, None)


async def test_the_entry_of_another_is_not_taken() -> None:
    with pytest.raises(WireError, match="the entry of 02"):
        await Direct(Liar({CAROL.public_key: ("a:1",)})).places(BOB.public_key, None)


async def test_waiting_has_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_UP_S", 0.001)
    monkeypatch.setattr(module, "RELAY_S", 0.001)
    with pytest.raises(TimedOut, match="look-up of its addresses"):
        await Direct(Silent()).places(BOB.public_key, None)
    with pytest.raises(TimedOut, match="by a messenger"):
        await ByMessenger(Silent()).connect(BOB.public_key, MESSENGER)


async def test_faults_of_others_keep_their_words() -> None:
    fault = TimedOut("the messenger", 7)
    with pytest.raises(TimedOut, match="the messenger within 7 s"):
        await Direct(Silent(fault)).places(BOB.public_key, None)
    with pytest.raises(TimedOut, match="the messenger within 7 s"):
        await ByMessenger(Silent(fault)).connect(BOB.public_key, MESSENGER)


async def test_a_messenger_is_one_place() -> None:
    way = ByMessenger(Exchange(asyncio.TaskGroup()).relay())
    assert await way.places(BOB.public_key, None) == (MESSENGER,)
    with pytest.raises(Unreachable, match="no messenger knows it"):
        await way.connect(BOB.public_key, MESSENGER)
