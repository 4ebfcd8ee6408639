"""What a visor answers about its links and routes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from components.mesh.transport import TransportType
from components.visor.groups.path import Path, Policy
from components.visor.links.target import parse_address
from components.visor.node.latencies import Latencies
from components.visor.node.names import Names, Row, told
from components.visor.node.node import Node
from components.visor.plane.end import State
from components.visor.plane.joint import Joint
from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey

FOUND_MAX: Final = 8
TRY_S: Final = 2.0  # for a transport that was just added
LOOK_S: Final = 0.01


class Ways:
    """The transports and routes of one node."""

    def __init__(self, node: Node, names: Names) -> None:
        self._node = node
        self._names = names
        self.latencies = Latencies(node)

    # -- transports

    async def transports(self) -> list[Row]:
        """The links of this node, those that are down too."""
        return [self._transport(row._asdict()) for row in self._node.links.rows()]

    async def add_transport(self, peer: str, type: str | None = None, persistent: bool = True) -> Row:
        """Link with a node: KEY, or KEY@HOST:PORT."""
        text, at, address = peer.partition("@")
        key = self._names.key(text)
        try:
            kind = None if type is None else TransportType(type)
            if at:
                parse_address(address)
        except ValueError as exc:
            raise RemoteError("bad-request", f"{exc}: KEY@HOST:PORT, and a type of `tp types`") from exc
        with told():
            id = await self._node.links.add(key, address or None, kind, persistent=persistent)
        return await self._after_the_first_try(str(id))

    async def _after_the_first_try(self, id: str) -> Row:
        """The transport once it is up, or it is known why not, or after a short while."""
        until = asyncio.get_running_loop().time() + TRY_S
        while True:
            row = next(row for row in await self.transports() if row["id"] == id)
            if row["up"] or row["reason"] or asyncio.get_running_loop().time() > until:
                return row
            await asyncio.sleep(LOOK_S)

    async def remove_transport(self, transport: str) -> Row:
        """Hang up and do not dial again."""
        rows = [row for row in await self.transports() if row["id"].startswith(transport)]
        if len(rows) != 1 or not transport:
            raise RemoteError("not-found", f"{len(rows)} transports begin with {transport!r}")
        with told():
            await self._node.links.remove(uuid.UUID(rows[0]["id"]))
        return rows[0]

    async def transport_types(self) -> list[str]:
        """What kinds of links there are."""
        return [type.value for type in TransportType]

    # -- routes

    async def routes(self) -> list[Row]:
        """The routes that end here, and what goes by them."""
        ends = [
            (joint, number)
            for joint in self._node.groups.joints()
            for number, end in joint.ends.items()
            if end.state is State.OPEN
        ]
        rows = [self._route(*each) for each in ends]
        hops = await self._hops_of([self._node.groups.whole_path_of(*each) for each in ends])
        return [{**row, **fields} for row, fields in zip(rows, hops, strict=True)]

    async def groups(self) -> list[Row]:
        """The pairs of nodes with an end here."""
        return [
            {
                "id": joint.id.hex(),
                "peer": joint.peer.hex(),
                "label": self._names.label(joint.peer),
                "dialled": joint.initiates,
                "routes": len(joint.ends),
                "open_routes": joint.open_routes,
                "active": joint.group.active,
                "streams": len(joint.streams),
            }
            for joint in self._node.groups.joints()
        ]

    async def rules(self) -> list[Row]:
        """What this node carries for others and itself; of others it knows the two links only."""
        now = self._node.router.loop.time()
        return [
            {
                "kind": "end" if len(route.legs) == 1 else "forward",
                "state": route.state.name.lower(),
                "expires_seconds": round(route.expires - now, 1),
                "legs": [
                    {"peer": leg.link.peer.hex(), "in_id": leg.in_id, "out_id": leg.out_id}
                    for leg in route.legs
                ],
                "sent_bytes": sum(leg.sent_bytes for leg in route.legs),
                "received_bytes": sum(leg.received_bytes for leg in route.legs),
            }
            for route in self._node.router.routes()
        ]

    async def find_route(self, peer: str, min_hops: int = 1, through: list[str] | None = None) -> list[Row]:
        """The paths to a peer, the best first."""
        key = self._names.key(peer)
        between = tuple(self._names.key(text) for text in through or ())
        with told(), self._node.wayless.told(key):
            found = await self._node.network.paths(key, Policy(min_hops, between), FOUND_MAX)
        hops = await self._hops_of(found)
        return [{**self._found(path), **fields} for path, fields in zip(found, hops, strict=True)]

    # -- inside

    def _transport(self, row: Row) -> Row:
        key = PublicKey(bytes.fromhex(row["public_key"]))
        return {**row, "label": self._names.label(key)}

    def _route(self, joint: Joint, number: int) -> Row:
        ends = (self._node.key, joint.peer) if joint.initiates else (joint.peer, self._node.key)
        end = joint.ends[number]
        now = self._node.router.loop.time()
        return {
            "id": f"{joint.id.hex()[:8]}.{number}",
            "src": ends[0].hex(),
            "dst": ends[1].hex(),
            "hops": [key.hex() for key in self._node.groups.path_of(joint, number)],
            "path": self._names.route(joint, number),
            "standby": number != joint.group.active,
            "age_seconds": round(now - end.opened_at, 1) if end.opened_at is not None else 0.0,
            "bytes": end.leg.sent_bytes + end.leg.received_bytes if end.leg is not None else 0,
        }

    async def hops(self, joint: Joint) -> Row:
        """The hops of the route that streams go by now: their names and latencies."""
        active = joint.group.active
        path = None if active is None else self._node.groups.whole_path_of(joint, active)
        return (await self._hops_of([path]))[0]

    async def _hops_of(self, paths: Sequence[Path | None]) -> list[Row]:
        """Where each hop leads to, by name, and its round trip; none where the path is not known."""
        whole = [path or Path((), 0) for path in paths]
        return [
            {
                "hop_names": [self._names.name(hop.target) for hop in path.hops],
                "latencies_seconds": latencies,
            }
            for path, latencies in zip(whole, await self.latencies.of(*whole), strict=True)
        ]

    def _found(self, path: Path) -> Row:
        keys = [path.hops[0].source, *(hop.target for hop in path.hops)]
        return {
            "cost": path.cost,
            "path": self._names.between(path.between),
            "hops": [
                {"transport": str(hop.transport), "from": hop.source.hex(), "to": hop.target.hex()}
                for hop in path.hops
            ],
            "names": [self._names.name(key) for key in keys],
        }
