import asyncio

import pytest

from components.mesh import keys
from components.mesh.entry import NodeEntry
from components.mesh.errors import Unreachable
from components.messenger import announce as module
from components.messenger.announce import announce, entry
from tests.support.mesh import CAROL


class Book:
    """A node manager that is away at first."""

    def __init__(self) -> None:
        self.told: list[NodeEntry] = []
        self.removed = 0

    async def register_node(self, told: NodeEntry) -> int:
        self.told.append(told)
        if len(self.told) == 1:
            raise Unreachable("manager", "away")
        return 1

    async def remove_node(self) -> int:
        self.removed += 1
        raise Unreachable("manager", "away again")


async def test_an_entry_is_renewed_and_taken_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.0)
    monkeypatch.setattr(module, "AGAIN_S", (0.0, 0.0))
    book = Book()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        telling = tasks.create_task(announce(book, lambda: entry(CAROL.public_key, "h:1", 5)))
        while len(book.told) < 3:
            await asyncio.sleep(0)
        telling.cancel()
    assert book.removed == 1
    told = book.told[0]
    assert told.static == keys.hex66(CAROL.public_key)
    assert told.server is not None
    assert (told.server.address, told.server.available_connections) == ("h:1", 5)
    assert "no node manager took our entry" in caplog.text


async def test_a_node_manager_that_comes_up_late_is_asked_again_soon_then_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[float] = []

    class Late(Book):
        async def register_node(self, told: NodeEntry) -> int:
            if len(rests) == 8:
                return 1
            raise Unreachable("manager", "away")

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 9:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await announce(Late(), lambda: entry(CAROL.public_key, "h:1", 5))
    assert rests == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, module.RENEW_S]
