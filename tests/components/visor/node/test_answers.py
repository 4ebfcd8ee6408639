from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.node.answers import Answers
from signal_bus.errors import RemoteError
from tests.support.nodes import Mesh, mesh, row


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_a_ping_takes_the_way_of_the_streams(made: Mesh) -> None:
    one, other = await row(made, 2)
    one.book.name(other.key, "joe")
    trip = await Answers(one).ping("joe", 3, 0.0)
    assert (trip["kind"], trip["count"], trip["lost"], trip["path"]) == ("mesh", 3, 0, "direct")
    assert 0 < trip["min_seconds"] <= trip["median_seconds"] <= trip["max_seconds"] < 2
    with pytest.raises(RemoteError, match="a count of 1 to"):
        await Answers(one).ping("joe", 0)


async def test_a_node_tells_how_it_is(made: Mesh) -> None:
    one, _ = await row(made, 2)
    health = await Answers(one).health()
    assert (health["links"], health["public_key"]) == (1, one.key.hex())
    assert one.options.app_socket.exists()
