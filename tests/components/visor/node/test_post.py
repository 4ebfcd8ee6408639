import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.delivery import State
from components.mesh.inbox import Message
from components.visor.node import post as module
from components.visor.node.answers import Answers
from components.visor.node.post import Post
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.nodes import Mesh, mesh, until


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_messages_wait_for_their_receiver_and_are_signed_for(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_messenger()
    mike, joe = await made.node(), await made.node()
    await until(lambda: mike.relay.present and joe.relay.present)
    mike.book.name(joe.key, "joe")
    joe.book.name(mike.key, "mike")
    await Answers(mike).send_message("joe", "Hello Joe!")
    await until(lambda: joe.post._rows)
    (came,) = await Answers(joe).messages("mike")
    assert (came["from"], came["to"], came["text"]) == ("mike", "this node", "Hello Joe!")
    await Answers(joe).send_message("mike", "Hello Mike!")
    await until(lambda: len(mike.post._rows) == 2)
    await until(lambda: next(iter(mike.post._rows.values()))["state"] == "read")
    assert [row["text"] for row in await Answers(mike).messages()] == ["Hello Joe!", "Hello Mike!"]


class Flooded:
    """A mailbox with one message of Carol, and so many of Bob."""

    def __init__(self, many: int) -> None:
        senders = [BOB, CAROL, *[BOB] * many]
        self.left = [
            Message(sender.public_key, turn.to_bytes(16, "big"), 5, b"%d" % turn, turn)
            for turn, sender in enumerate(senders)
        ]
        self.was_read: list[int] = []

    async def receive(self) -> Message:
        if not self.left:
            await asyncio.Event().wait()
        return self.left.pop(0)

    async def read(self, message: Message) -> None:
        self.was_read.append(message.turn)

    async def send(self, receiver: PublicKey, message: bytes) -> bytes:
        return b"s" * 16

    async def state(self, id: bytes) -> State:
        return State.QUEUED


async def test_a_flood_takes_no_memory_and_hides_no_other_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 4)
    box, post = Flooded(100), Post(ALICE.public_key)
    post.use(box)  # type: ignore[arg-type]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(post.run())
        await until(lambda: not box.left)
        running.cancel()
    assert len(post._unread) == len(post._rows) == 4
    await post.send(BOB.public_key, "stop it")
    assert [row["text"] for row in await post.list(None)] == ["1", "100", "101", "stop it"]
    assert box.was_read == [1, 100, 101]
    assert not post._unread
