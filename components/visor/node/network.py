"""What this node knows of the mesh: its own links, and what the node managers say or said.

entry, addresses, messengers_of    where a node is
paths                              ways to a node: by the route finder, and over our own links
register, status, announce         what is told to the node managers
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from components.mesh import keys
from components.mesh import paths as finding
from components.mesh.atlas import Atlas
from components.mesh.entry import VERSION, Client, NodeEntry
from components.mesh.errors import MeshError, TimedOut, Unreachable
from components.mesh.forms import RouteOptions, Status, Told
from components.mesh.reach import Address, parse_address
from components.mesh.roster import Messenger
from components.mesh.services import Services
from components.mesh.transport import SignedEntry, TransportType, edges_of, transport_id
from components.mesh.whereabouts import Whereabouts
from components.visor.groups.path import Hop, Path, Policy
from components.visor.node.lately import Lately
from signal_bus.ids import PublicKey

FINDER_S: Final = 3.0
SHARED_S: Final = 1.0  # routes that many groups to one peer look for are asked for once in so long
SHARED_MOST: Final = 1024
HOP_COST: Final = 100
RELAYED_COST: Final = 125

_Question = tuple[PublicKey, int, tuple[PublicKey, ...], int]


class Network:
    """Answers by the node managers, where there are any. `own_links` are the transports that are up here."""

    def __init__(
        self,
        own: PublicKey,
        services: Services | None,
        own_links: Callable[[], Sequence[SignedEntry]],
        clock: Callable[[], float],
    ) -> None:
        self.services = services
        self.atlas = None if services is None else Atlas(services, clock)
        self._own = own
        self._own_links = own_links
        self._clock = clock
        self._lately: Lately[_Question, list[finding.Path]] = Lately(SHARED_S, SHARED_MOST)
        self._entries: dict[PublicKey, NodeEntry] = {}
        self._whereabouts = None if services is None else Whereabouts(services)

    # -- where nodes are

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        """The checked entry of a node; the one we remember where nobody answers. Raises `MeshError`."""
        if self.services is None:
            return None
        try:
            found = await self.services.node(peer)
        except MeshError:
            if peer not in self._entries:
                raise
            return self._entries[peer]
        self._entries[peer] = found
        return found

    async def addresses(self, peer: PublicKey) -> Sequence[Address]:
        """Where a node takes connections, by its own words. Raises `MeshError`."""
        found = await self.entry(peer)
        if found is None:
            raise Unreachable(peer.hex(), "no directory is known here")
        places = [place for address in found.addresses if (place := _place(address)) is not None]
        if found.addresses and not places:
            raise Unreachable(peer.hex(), "none of the addresses in its entry is one")
        return places

    async def messengers_of(self, peer: PublicKey) -> Sequence[Messenger]:
        """The messengers where a node is present. Raises `MeshError`."""
        if self._whereabouts is None:
            raise Unreachable(peer.hex(), "no directory is known here")
        return await self._whereabouts.find(peer)

    # -- ways

    async def paths(self, peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        """Ways to a node, the best first: over our own links, and as the finder says. Raises `MeshError`."""
        found = self._neighbours(peer, policy)
        try:
            found += await self._asked(peer, policy, count)
        except MeshError:
            if not found:
                raise
        ways = {path.transports: path for path in map(as_path, found)}
        return sorted(ways.values(), key=lambda path: path.cost)[:count]

    async def _asked(self, peer: PublicKey, policy: Policy, count: int) -> list[finding.Path]:
        if self.atlas is None:
            return []
        question = peer, policy.min_hops, policy.through, count
        known = self._lately.get(question, self._clock())
        if known is not None:
            return known
        found = await self._searched(peer, policy, count)
        self._lately.put(question, found, self._clock())
        return found

    def links_changed(self) -> None:
        """A link of ours came or went: what the finder said may be no more."""
        self._lately.clear()

    async def _searched(self, peer: PublicKey, policy: Policy, count: int) -> list[finding.Path]:
        assert self.atlas is not None
        through = tuple(keys.hex66(key) for key in policy.through) if policy.through else None
        options = RouteOptions(min_hops=policy.min_hops, hops=through, count=count)
        try:
            async with asyncio.timeout(FINDER_S):
                return await self.atlas.routes(self._own, peer, options)
        except TimeoutError as exc:
            raise TimedOut("the route finder", FINDER_S) from exc

    def _neighbours(self, peer: PublicKey, policy: Policy) -> list[finding.Path]:
        """The links we have ourselves need nobody to find them."""
        if policy.min_hops > 1 or policy.through:
            return []
        return [
            (finding.Hop(one.entry.t_id, self._own, peer),)
            for one in self._own_links()
            if peer in edges_of(one.entry)
        ]

    async def look(self) -> Sequence[Told]:
        """All transports as they are told now; those we remember where nobody answers in time."""
        if self.atlas is None:
            return ()
        try:
            async with asyncio.timeout(FINDER_S):
                return await self.atlas.look()
        except TimeoutError:
            return self.atlas.transports

    # -- what we tell

    async def register(self, entry: SignedEntry) -> None:
        """A transport both edges signed. Raises `MeshError`."""
        if self.services is not None:
            await self.services.register_transports([entry])

    async def status(self, id: uuid.UUID, up: bool, rtt_us: int = 0) -> None:
        """It went up or down, or its round trip is another. Raises `MeshError`."""
        if self.services is not None:
            await self.services.report([Status(t_id=str(id), is_up=up, rtt_us=rtt_us)])

    async def announce(self, addresses: Sequence[str], relays: Sequence[PublicKey], alias: str) -> None:
        """Enter or renew our own entry. Raises `MeshError`."""
        if self.services is None:
            return
        client = Client(tuple(keys.hex66(key) for key in relays)) if relays else None
        await self.services.register_node(
            NodeEntry(
                version=VERSION,
                sequence=0,
                timestamp=0,
                static=keys.hex66(self._own),
                client=client,
                addresses=tuple(addresses),
                alias=alias,
            )
        )


def as_path(found: finding.Path) -> Path:
    """A path as groups have them; a relayed hop costs a quarter more than a direct one."""
    hops = tuple(Hop(uuid.UUID(hop.transport), hop.start, hop.end) for hop in found)
    return Path(hops, sum(_cost(hop) for hop in hops))


def _cost(hop: Hop) -> int:
    relayed = transport_id(hop.source, hop.target, TransportType.DMSG)
    return RELAYED_COST if hop.transport == relayed else HOP_COST


def _place(address: str) -> Address | None:
    """What a node says where it is; None for words that say nothing: its entry may hold any."""
    try:
        return parse_address(address)
    except ValueError:
        return None
