"""What changes is on the disk first, and told then."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.kit.store import Writer
from plugins.skychat import history, incoming, outgoing
from plugins.skychat.desk import Desk
from plugins.skychat.feed import Feed
from plugins.skychat.incoming import GAP_MS, Full
from plugins.skychat.progress import State
from plugins.skychat.schema import SCHEMA
from plugins.skychat.wire import Say, Seen

OWN, A, B = (bytes([number]) * 32 for number in (9, 1, 2))


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Writer(tmp_path / "chat.db", SCHEMA) as writer:
        yield Desk(writer, Feed(), OWN, Clock())


def say(number: int) -> Say:
    return Say(number.to_bytes(16, "big"), 1, number, 5, f"{number}")


async def test_what_comes_together_is_kept_together_and_told(desk: Desk) -> None:
    mine = say(99)
    await desk.writer.run(lambda db: outgoing.add(db, OWN, A, (A,), mine))
    with desk.feed.following() as follower:
        assert await desk.take(A, [say(1), Seen((mine.id,)), say(2)]) == 3
        told = [await follower.next(1) for _ in range(3)]
    assert [each.kind for each in told if each] == ["row", "row", "state"]
    assert told[2] is not None
    assert told[2].data == {"id": mine.id.hex(), "state": "read"}


async def test_what_comes_again_is_told_to_nobody(desk: Desk) -> None:
    await desk.take(A, [say(1)])
    with desk.feed.following() as follower:
        assert await desk.take(A, [say(1)]) == 2
        await desk.told(A, [], State.SENT)
        assert await follower.next(0.001) is None


async def test_a_sender_whose_texts_nobody_reads_keeps_the_next_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_UNREAD", 2)
    await desk.take(A, [say(1), say(2)])
    with pytest.raises(Full, match="2 texts of 01"):
        await desk.take(A, [say(3)])
    await desk.take(B, [say(1)])
    await desk.writer.run(lambda db: history.read(db, A, tell=False))
    assert await desk.take(A, [say(3)]) == 4


async def test_what_waited_too_long_is_told(desk: Desk) -> None:
    await desk.take(A, [say(2)])
    clock = desk._clock
    assert isinstance(clock, Clock)
    clock.now += GAP_MS / 1000 + 1
    with desk.feed.following() as follower:
        await desk.sweep()
        happened = await follower.next(1)
    assert happened is not None
    assert happened.data["text"] == "2"
    assert await desk.writer.run(history.last) == 1
