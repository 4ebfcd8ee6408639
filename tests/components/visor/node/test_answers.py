from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.node.answers import Answers
from signal_bus.errors import RemoteError
from tests.support.nodes import Mesh, mesh, row, until


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


async def test_transports_are_listed_and_removed(made: Mesh) -> None:
    one, other = await row(made, 2)
    answers = Answers(one)
    (listed,) = await answers.transports()
    assert (listed["up"], listed["type"], listed["public_key"]) == (True, "stcpr", other.key.hex())
    assert {"stcpr", "dmsg"} <= set(await answers.transport_types())
    await answers.name_peer(other.key.hex(), "joe")
    assert (await answers.transports())[0]["label"] == "joe"
    await answers.remove_transport(listed["id"][:8])
    await until(lambda: not one.links.by_peer(other.key))


async def test_a_node_tells_how_it_is(made: Mesh) -> None:
    one, _ = await row(made, 2)
    health = await Answers(one).health()
    assert (health["links"], health["public_key"]) == (1, one.key.hex())
    assert one.options.app_socket.exists()
