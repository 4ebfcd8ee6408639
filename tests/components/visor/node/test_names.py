from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.errors import Refused, Unreachable
from components.visor.node.answers import Answers
from components.visor.node.names import Names, told
from signal_bus.errors import RemoteError
from tests.support.nodes import Mesh, mesh, row


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_a_neighbour_is_known_by_six_digits_and_then_by_its_label(made: Mesh) -> None:
    one, other = await row(made, 2)
    names = Names(one)
    assert names.key(other.key.hex()[:6]) == other.key
    assert names.name(other.key) == other.key.hex()[:12]
    one.book.name(other.key, "joe")
    assert names.key("joe") == other.key
    assert (names.name(other.key), names.label(one.key)) == ("joe", "this node")
    with pytest.raises(RemoteError) as caught:
        names.key("mike")
    assert caught.value.code == "not-found"


async def test_the_way_of_streams_is_said_in_words(made: Mesh) -> None:
    one, other = await row(made, 2)
    await Answers(one).ping(other.key.hex())
    (near,), (far,) = one.groups.joints(), other.groups.joints()
    assert (Names(one).way(near), Names(other).way(far)) == ("direct", "dialled by it")
    near.group.route_down(near.group.active or 0, 0.0)
    assert Names(one).way(near) == "no route"


def test_errors_of_the_mesh_keep_their_code() -> None:
    with pytest.raises(RemoteError) as caught, told():
        raise Refused("busy", "later")
    assert caught.value.code == "busy"
    with pytest.raises(RemoteError) as caught, told("not-found"):
        raise Unreachable("x", "nobody")
    assert caught.value.code == "not-found"
