"""News on their way to the bus: in order, bounded, and not stopped by a daemon that is away."""

import asyncio

import pytest

from components.node_manager import limits
from components.node_manager.news import Outbox
from components.node_manager.plan import News
from signal_bus.errors import RemoteError


class Bus:
    """Takes events, or refuses them while `away`."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, dict[str, object]]] = asyncio.Queue()
        self.away = False

    async def event(self, topic: str, data: dict[str, object]) -> None:
        self.heard.put_nowait((topic, data))
        if self.away:
            raise RemoteError("away", "nobody is there")


async def test_news_are_told_in_order_and_what_was_left_out_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NEWS", 2)
    bus = Bus()
    outbox = Outbox(bus)
    for at in range(5):
        outbox.tell(News("t", {"at": at}))
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        sending = tasks.create_task(outbox.send_forever())
        heard = [await bus.heard.get() for _ in range(3)]
        bus.away = True
        outbox.tell(News("t", {"at": 9}))
        heard.append(await bus.heard.get())
        bus.away = False
        outbox.tell(News("t", {"at": 10}))
        heard.append(await bus.heard.get())
        sending.cancel()
    assert heard[:3] == [("t", {"at": 0}), ("t", {"at": 1}), ("mesh.missed", {"count": 3})]
    assert [data["at"] for _, data in heard[3:]] == [9, 10]
