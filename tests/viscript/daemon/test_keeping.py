"""Events are gathered for a moment and written together, with what belongs to them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from viscript.daemon import keeping
from viscript.daemon.keeping import EventKeeping, tell_of_room
from viscript.events import EventLog
from viscript.store.memory import Memory


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    yield memory
    memory.close()


def tell(events: EventLog, count: int) -> None:
    for _ in range(count):
        events.tell("app.running", "app/7", now=1.0)


async def cursors(memory: Memory) -> list[int]:
    kept, _ = await memory.events()
    return [event.cursor for event in kept]


async def test_what_is_told_is_written_by_itself(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "GATHER_SECONDS", 0.001)
    events = EventLog("h")
    kept = EventKeeping(events, memory)
    tell(events, 3)
    async with asyncio.timeout(20):
        while await cursors(memory) != [1, 2, 3]:
            await asyncio.sleep(0)
    tell(events, 1)
    async with asyncio.timeout(20):
        while await cursors(memory) != [1, 2, 3, 4]:
            await asyncio.sleep(0)
    kept.close()


async def test_the_rest_is_written_at_the_end_and_nothing_after_it(memory: Memory) -> None:
    events = EventLog("h")
    kept = EventKeeping(events, memory)
    tell(events, 2)
    kept.close()
    tell(events, 1)
    kept.close()
    assert await cursors(memory) == [1, 2]


async def test_what_belongs_to_the_events_is_written_with_them(memory: Memory) -> None:
    events, noted = EventLog("h"), list[int]()
    kept = EventKeeping(events, memory)
    kept.also = lambda: noted.append(events.next_cursor)
    kept.write()
    assert noted == []
    tell(events, 2)
    kept.write()
    assert noted == [3]
    kept.close()
    assert noted == [3]


async def test_a_full_disk_is_an_event_and_so_is_its_end(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, heard = EventLog("h"), asyncio.Event()
    events.listen(lambda event: heard.set())
    tell_of_room(memory, events)
    assert events.last(9) == []
    writer = memory._writer
    for full in ("no room", ""):
        heard.clear()
        await asyncio.to_thread(writer.room, full)
        await heard.wait()
    assert [(event.type, event.reason) for event in events.last(9)] == [
        ("store.full", "no room"),
        ("store.saved", ""),
    ]


async def test_a_disk_that_was_full_before_anybody_listened_is_told(memory: Memory) -> None:
    events = EventLog("h")
    memory._writer.full = "no room"
    tell_of_room(memory, events)
    assert [event.type for event in events.last(9)] == ["store.full"]
    memory._writer.full = ""


def test_what_comes_after_the_end_of_the_loop_harms_nobody(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")

    async def listen() -> None:
        tell_of_room(memory, EventLog("h"))

    asyncio.run(listen())
    memory._writer.room("no room")
