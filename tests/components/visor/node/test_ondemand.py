"""A link for an app that wants a peer to which there is no path."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from components.mesh.errors import Busy, MeshError
from components.mesh.transport import Label
from components.visor.app import App, DialError
from components.visor.groups.path import Path as Way
from components.visor.groups.path import Policy
from components.visor.node.ondemand import OnDemand
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey
from tests.support.nodes import Mesh, mesh, until

PEER = PublicKey(b"\x07" * 32)
ID = uuid.UUID(int=1)


class Around:
    """Links and paths; `comes_up` says whether a link that is asked for stands at once."""

    def __init__(self, *, paths: Sequence[Way] | MeshError = (), comes_up: bool = True) -> None:
        self.wanted: list[tuple[PublicKey, bool, Label]] = []
        self.removed: list[uuid.UUID] = []
        self.up: list[object] = []
        self.busy = False
        self._found = paths
        self._comes_up = comes_up

    async def add(
        self, peer: PublicKey, *_: object, persistent: bool = True, label: Label = Label.USER, **__: Any
    ) -> uuid.UUID:
        if self.busy:
            raise Busy("transports", 1)
        self.wanted.append((peer, persistent, label))
        if self._comes_up:
            self.up.append(object())
        return ID

    async def remove(self, id: uuid.UUID) -> None:
        self.removed.append(id)
        raise Busy("nothing", 0)

    def by_peer(self, peer: PublicKey) -> Sequence[object]:
        return self.up

    async def paths(self, peer: PublicKey, policy: Policy, count: int) -> Sequence[Way]:
        if isinstance(self._found, MeshError):
            raise self._found
        return self._found


async def test_a_peer_without_a_path_is_linked_with_for_as_long_as_the_visor_runs() -> None:
    for unknown in ((), MeshError("the finder is away")):
        around = Around(paths=unknown)
        await OnDemand(around, around).link(PEER)
        await OnDemand(around, around).link(PEER)
        assert around.wanted == [(PEER, False, Label.AUTOMATIC)]
        assert not around.removed


async def test_where_a_path_leads_nothing_is_made() -> None:
    around = Around(paths=[Way((), 0)])
    await OnDemand(around, around).link(PEER)
    assert not around.wanted


async def test_a_link_that_does_not_come_up_is_forgotten_and_one_too_many_is_none() -> None:
    around = Around(comes_up=False)
    await OnDemand(around, around).link(PEER)
    assert around.removed == [ID]
    around.busy = True
    await OnDemand(around, around).link(PEER)
    assert around.removed == [ID]


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_an_app_reaches_a_node_by_a_messenger_without_a_link_made_before(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_messenger()
    one, hidden = await made.node(), await made.node()
    near, far = await made.app(one), await made.app(hidden)
    await until(lambda: one.relay.present and hidden.relay.present)
    with pytest.raises(DialError):
        await near.dial(hidden.key, 7, deadline_s=5)
    async with far.listen(7):
        assert await _dialled(near, hidden.key)
    assert one.links.by_peer(hidden.key)
    with pytest.raises(DialError):
        await near.dial(Identity(draw()).public_key, 7, link=True, deadline_s=20)
    assert {row.public_key for row in one.links.rows()} == {hidden.key.hex()}


async def _dialled(near: App, key: PublicKey) -> bool:
    """Once what the nodes announce is known."""
    for _ in range(10):
        with suppress(DialError):
            (await near.dial(key, 7, link=True, deadline_s=20)).close()
            return True
    return False
