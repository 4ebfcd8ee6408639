from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.node.answers import Answers
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
