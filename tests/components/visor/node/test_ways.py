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


async def test_transports_are_listed_and_removed(made: Mesh) -> None:
    one, other = await row(made, 2)
    answers = Answers(one)
    (listed,) = await answers.ways.transports()
    assert (listed["up"], listed["type"], listed["public_key"]) == (True, "stcpr", other.key.hex())
    assert {"stcpr", "dmsg"} <= set(await answers.ways.transport_types())
    await answers.name_peer(other.key.hex(), "joe")
    assert (await answers.ways.transports())[0]["label"] == "joe"
    await answers.ways.remove_transport(listed["id"][:8])
    await until(lambda: not one.links.by_peer(other.key))


async def test_a_new_transport_is_told_as_it_is_after_its_first_try(made: Mesh) -> None:
    one, other = await made.node(), await made.node()
    assert other.address is not None
    where = "{}:{}".format(*other.address)
    added = await Answers(one).ways.add_transport(f"{other.key.hex()}@{where}")
    assert (added["up"], added["address"]) == (True, where)
    stranger = (await made.node()).key.hex()
    missed = await Answers(one).ways.add_transport(f"{stranger}@{where}", persistent=False)
    assert not missed["up"]
    assert missed["reason"]


async def test_paths_and_groups_are_told(made: Mesh) -> None:
    one, other = await row(made, 2)
    ways = Answers(one).ways
    (found,) = await ways.find_route(other.key.hex())
    assert (found["names"], found["cost"]) == (["this node", other.key.hex()[:12]], 100)
    assert await ways.find_route(other.key.hex(), through=[(await made.node()).key.hex()]) == []
    with pytest.raises(RemoteError, match="min_hops"):
        await ways.find_route(other.key.hex(), 99)
    await Answers(one).ping(other.key.hex())
    (group,) = await ways.groups()
    assert (group["peer"], group["dialled"], group["open_routes"]) == (other.key.hex(), True, 1)
    assert [rule["kind"] for rule in await ways.rules()] == ["end"]
