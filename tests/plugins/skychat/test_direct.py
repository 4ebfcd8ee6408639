"""One stream to a peer, with the peer played by the test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from components.visor.app import Stream
from components.visor.kit.store import Writer
from plugins.skychat import direct, outgoing
from plugins.skychat.desk import Desk
from plugins.skychat.direct import Direct
from plugins.skychat.feed import Feed
from plugins.skychat.progress import State
from plugins.skychat.schema import SCHEMA
from plugins.skychat.wire import HEAD, MAGIC, Got, Item, Say, Seen, WireError, item_of, record

OWN, A = (bytes([number]) * 32 for number in (9, 1))


class Line:
    """Our end of a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.readexactly = reader.readexactly
        self.write = writer.write
        self.drain = writer.drain


class Peer:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def item(self) -> Item:
        async with asyncio.timeout(20):
            size = int.from_bytes(await self.reader.readexactly(HEAD), "big")
            return item_of(await self.reader.readexactly(size))

    def got(self, count: int, next_: int) -> None:
        self.writer.write(record(Got(count, next_)))


class Talk:
    """A store with some texts to `A`, and a stream there."""

    def __init__(self, desk: Desk, peer: Peer, line: Line) -> None:
        self.desk, self.peer, self.line = desk, peer, line
        self.wake = asyncio.Event()

    async def write(self, *numbers: int) -> None:
        for number in numbers:
            say = Say(number.to_bytes(16, "big"), 1, 1, 5, f"{number}")
            await self.desk.writer.run(lambda db, say=say: outgoing.add(db, OWN, A, (A,), say))  # type: ignore[misc]
        self.wake.set()

    async def states(self) -> list[str]:
        def found(db: object) -> list[str]:
            rows = db.execute("SELECT state FROM copy ORDER BY number")  # type: ignore[attr-defined]
            return [State(state).name.lower() for (state,) in rows]

        return await self.desk.writer.run(found)

    def run(self) -> "asyncio.Task[None]":
        work = Direct(self.desk, A, self.wake)
        return self.group.create_task(work.run(cast(Stream, self.line)))

    group: asyncio.TaskGroup


@asynccontextmanager
async def talk(folder: Path) -> AsyncIterator[Talk]:
    ours, theirs = socket.socketpair()
    near, far = await asyncio.open_unix_connection(sock=ours), await asyncio.open_unix_connection(sock=theirs)
    try:
        async with Writer(folder / "chat.db", SCHEMA) as writer, asyncio.TaskGroup() as group:
            made = Talk(Desk(writer, Feed(), OWN), Peer(*far), Line(*near))
            made.group = group
            yield made
    finally:
        for _, end in (near, far):
            end.close()


async def test_texts_go_in_order_and_their_receipts_are_noted(tmp_path: Path) -> None:
    async with talk(tmp_path) as made:
        await made.write(1, 2)
        running = made.run()
        assert await made.peer.reader.readexactly(len(MAGIC)) == MAGIC
        items = [await made.peer.item() for _ in range(2)]
        assert [item.text for item in items if isinstance(item, Say)] == ["1", "2"]
        assert await made.states() == ["sent", "sent"]
        made.peer.got(1, 2)
        await made.write(3)
        assert isinstance(await made.peer.item(), Say)
        made.peer.got(2, 4)
        while await made.states() != ["delivered"] * 3:
            await asyncio.sleep(0)
        running.cancel()


async def test_with_nothing_to_do_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with talk(tmp_path) as made:
        await Direct(made.desk, A, made.wake, lambda: False).run(cast(Stream, made.line))
        monkeypatch.setattr(direct, "IDLE_S", 0.0)
        await made.run()


async def test_what_was_read_here_is_told_and_forgotten_then(tmp_path: Path) -> None:
    async with talk(tmp_path) as made:
        await made.desk.writer.run(
            lambda db: db.executemany("INSERT INTO unseen VALUES (?, ?)", [(A, bytes(16))]).rowcount
        )
        running = made.run()
        await made.peer.reader.readexactly(len(MAGIC))
        assert await made.peer.item() == Seen((bytes(16),))
        assert await made.desk.unseen(A) is not None
        made.peer.got(1, 1)
        while await made.desk.unseen(A) is not None:
            await asyncio.sleep(0)
        running.cancel()


async def test_what_the_peer_lacks_is_sent_again_once(tmp_path: Path) -> None:
    async with talk(tmp_path) as made:
        await made.write(1, 2, 3)
        await made.desk.told(A, [1, 2], State.DELIVERED)
        running = made.run()
        await made.peer.reader.readexactly(len(MAGIC))
        assert isinstance(await made.peer.item(), Say)
        made.peer.got(1, 1)  # its store is new: number 3 waits there for 1
        items = [await made.peer.item() for _ in range(2)]
        assert [item.text for item in items if isinstance(item, Say)] == ["1", "2"]
        made.peer.got(1, 2)
        made.peer.got(1, 4)
        while await made.states() != ["delivered"] * 3:
            await asyncio.sleep(0)
        running.cancel()


@pytest.mark.parametrize(
    "answer, error",
    [
        (record(Got(2, 1)), WireError),
        (b"\xff\xff\xff\xff", WireError),
        (b"\x00\x00\x00\x01x", WireError),
        (b"", EOFError),
    ],
)
async def test_a_peer_that_breaks_the_rules_or_goes_leaves_the_text_queued(
    tmp_path: Path, answer: bytes, error: type[Exception]
) -> None:
    async with talk(tmp_path) as made:
        await made.write(1)
        work = Direct(made.desk, A, made.wake).run(cast(Stream, made.line))
        made.peer.writer.write(answer)
        made.peer.writer.write_eof()
        with pytest.raises(error):
            await work
        assert await made.states() == ["queued"]


async def test_a_peer_that_says_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "ACK_S", 0.01)
    async with talk(tmp_path) as made:
        await made.write(1)
        with pytest.raises(TimeoutError, match="no receipt"):
            await Direct(made.desk, A, made.wake).run(cast(Stream, made.line))
        assert await made.states() == ["queued"]


async def test_only_so_much_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "WINDOW", 1)
    async with talk(tmp_path) as made:
        await made.write(*range(1, 70))
        running = made.run()
        await made.peer.reader.readexactly(len(MAGIC))
        for _ in range(outgoing.BATCH):
            await made.peer.item()
        assert (await made.states())[outgoing.BATCH :] == ["queued"] * 5
        made.peer.got(outgoing.BATCH, outgoing.BATCH + 1)
        for _ in range(5):
            await made.peer.item()
        running.cancel()
