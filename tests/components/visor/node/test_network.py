"""What a node knows when nobody, or nobody good, answers it."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from components.mesh import paths as finding
from components.mesh.errors import RemoteError, TimedOut, Unreachable
from components.mesh.transport import (
    SignedEntry,
    TransportType,
    entry_of,
    sign,
    signed,
    transport_id,
)
from components.visor.groups.path import Policy
from components.visor.node import network as network_module
from components.visor.node.network import Network, as_path
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey

ONE, TWO, THREE = (Identity(draw()) for _ in range(3))


def entry(one: Identity, other: Identity, type: TransportType = TransportType.STCPR) -> SignedEntry:
    bare = entry_of(one.public_key, other.public_key, type)
    return signed(bare, {each.public_key: sign(bare, each) for each in (one, other)})


def alone(links: Sequence[SignedEntry] = ()) -> Network:
    return Network(ONE.public_key, None, lambda: links, lambda: 0.0)


async def test_without_services_only_neighbours_are_found() -> None:
    network = alone([entry(ONE, TWO)])
    (path,) = await network.paths(TWO.public_key, Policy(), 4)
    assert path.between == ()
    assert path.hops[0].transport == transport_id(ONE.public_key, TWO.public_key, TransportType.STCPR)
    assert await network.paths(THREE.public_key, Policy(), 4) == []
    assert await network.paths(TWO.public_key, Policy(min_hops=2), 4) == []
    assert await network.paths(TWO.public_key, Policy(through=(THREE.public_key,)), 4) == []
    assert await network.look() == ()


async def test_without_a_directory_addresses_are_not_known() -> None:
    network = alone()
    assert await network.entry(TWO.public_key) is None
    for ask in (network.addresses, network.messengers_of):
        with pytest.raises(Unreachable, match="no directory is known here"):
            await ask(TWO.public_key)
    await network.register(entry(ONE, TWO))
    await network.status(uuid.uuid4(), True)
    await network.announce((), (), "")


async def test_a_relayed_link_costs_more_than_a_direct_one() -> None:
    network = alone([entry(ONE, TWO, TransportType.DMSG), entry(ONE, TWO)])
    costs = [path.cost for path in await network.paths(TWO.public_key, Policy(), 4)]
    assert costs == [100, 125]
    hop = finding.Hop(str(uuid.uuid4()), ONE.public_key, TWO.public_key)
    assert as_path((hop, hop)).cost == 200


class FakeAtlas:
    """A finder that finds, fails or hangs."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def routes(self, *asked: Any) -> list[finding.Path]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer)


async def test_a_finder_that_is_away_does_not_hide_a_neighbour() -> None:
    network = alone([entry(ONE, TWO)])
    atlas: Any = FakeAtlas(RemoteError("away"))
    network.atlas = atlas
    assert len(await network.paths(TWO.public_key, Policy(), 4)) == 1
    with pytest.raises(RemoteError, match="away"):
        await network.paths(THREE.public_key, Policy(), 4)


async def test_one_path_told_twice_is_one() -> None:
    own = entry(ONE, TWO)
    network = alone([own])
    atlas: Any = FakeAtlas([(finding.Hop(own.entry.t_id, ONE.public_key, TWO.public_key),)])
    network.atlas = atlas
    assert len(await network.paths(TWO.public_key, Policy(), 4)) == 1


async def test_a_finder_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    class Hanging:
        transports: tuple[Any, ...] = ("as it was",)

        async def routes(self, *asked: Any) -> list[finding.Path]:
            await asyncio.sleep(60)
            return []

        async def look(self) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr(network_module, "FINDER_S", 0.01)
    network = alone()
    atlas: Any = Hanging()
    network.atlas = atlas
    with pytest.raises(TimedOut, match="the route finder"):
        await network.paths(TWO.public_key, Policy(), 4)
    assert await network.look() is Hanging.transports


class Counting:
    """An atlas that answers one path and counts the questions."""

    asked = 0

    async def routes(self, start: Any, end: Any, options: Any) -> list[finding.Path]:
        self.asked += 1
        return [(finding.Hop("5d5a0a4f-0e1c-5a6a-8a0e-0123456789ab", start, end),)]


async def test_groups_to_one_peer_share_what_the_finder_says_until_a_link_changes() -> None:
    network, atlas = alone(), Counting()
    network.atlas = atlas  # type: ignore[assignment]  # as much of one as it needs
    for group in ("a", "b", "c"):
        assert len(await network.paths(TWO.public_key, Policy(min_hops=1, group=group), 4)) == 1
    assert atlas.asked == 1
    await network.paths(TWO.public_key, Policy(min_hops=2), 4)
    await network.paths(THREE.public_key, Policy(), 4)
    assert atlas.asked == 3
    network.links_changed()
    await network.paths(TWO.public_key, Policy(), 4)
    assert atlas.asked == 4


class FakeServices:
    """A directory with one entry, whose addresses its node chose."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def node(self, peer: PublicKey) -> Any:  # Any: the one part of an entry that is looked at
        return self


async def test_words_that_are_no_address_are_passed_over() -> None:
    network = alone()
    services: Any = FakeServices("zzz", "a:99999", "10.0.0.1:7777")
    network.services = services
    assert await network.addresses(TWO.public_key) == [("10.0.0.1", 7777)]
    services.addresses = ("zzz",)
    with pytest.raises(Unreachable, match="none of the addresses"):
        await network.addresses(TWO.public_key)
    services.addresses = ()
    assert await network.addresses(TWO.public_key) == []
