"""Names at the node managers: published, looked up, and what is no answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.forms import ToldOffer
from components.visor.node.directory import FOUND_MAX, Directory
from signal_bus.errors import RemoteError
from tests.support.nodes import Mesh, mesh


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_what_is_published_is_found_with_what_stands_beside_it(made: Mesh) -> None:
    await made.serve_manager()
    one, other = await made.node(), await made.node()
    assert await Directory(one).publish("c-lab", 50, {"proof": "ab"}) == 1
    assert await Directory(one).publish("c-lab", 50, {"proof": "cd"}) == 1
    assert await Directory(other).publish("c-other", 50, {}) == 1
    (found,) = await Directory(other).lookup("c-lab")
    assert found == {"public_key": one.key.hex(), "info": {"name": "c-lab", "proof": "cd"}}
    assert await Directory(other).lookup("c-nobody") == []


async def test_without_a_node_manager_it_is_said(made: Mesh) -> None:
    node = await made.node()
    for asked in (Directory(node).lookup("c-lab"), Directory(node).publish("c-lab", 50, {})):
        with pytest.raises(RemoteError, match="no node manager"):
            await asked


async def test_a_node_manager_that_is_away_is_an_error_of_the_bus(made: Mesh) -> None:
    url = await made.serve_manager()
    node = await made.node()
    await made.ends[url]()
    with pytest.raises(RemoteError):
        await Directory(node).lookup("c-lab")


async def test_an_answer_with_nonsense_or_too_much_is_cut(
    made: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made.serve_manager()
    node = await made.node()
    good = ToldOffer(address=f"02{node.key.hex()}:50", type="c-lab")

    async def services(type: str) -> tuple[ToldOffer, ...]:
        return (ToldOffer(address="nonsense", type="c-lab"), *[good] * (FOUND_MAX + 5))

    monkeypatch.setattr(node.network.services, "services", services)
    found = await Directory(node).lookup("c-lab")
    assert len(found) == FOUND_MAX - 1
    assert found[0]["public_key"] == node.key.hex()
