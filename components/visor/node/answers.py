"""What a visor answers over the bus: each method is one question of a verb, its answer plain data.

Peers are named as people name them: a key in any of its forms, a label of our address book, or the first six
digits of a key we know.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from components.mesh.errors import MeshError
from components.mesh.transport import TransportType, edges_of
from components.visor.groups.path import Path, Policy
from components.visor.links.target import parse_address
from components.visor.node import checks
from components.visor.node.node import Node
from components.visor.plane.end import State
from components.visor.plane.joint import Joint
from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey

Row = dict[str, Any]  # Any: plain data, as JSON has it
PINGS_MAX: Final = 1000
FOUND_MAX: Final = 8


class Answers:
    """The methods of one node; `methods` are to be told to the bus."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def methods(self) -> tuple[Callable[..., Awaitable[Any]], ...]:  # Any: each answers its own form
        """All of them, by their names."""
        return (
            self.health,
            self.peers,
            self.transports,
            self.add_transport,
            self.remove_transport,
            self.transport_types,
            self.routes,
            self.rules,
            self.groups,
            self.find_route,
            self.ping,
            self.mesh_map,
            self.mesh_check,
            self.services,
            self.name_peer,
            self.send_message,
            self.messages,
        )

    # -- who

    async def health(self) -> Row:
        """Who this node is, and how much it has to do."""
        node = self._node
        return {
            "public_key": node.key.hex(),
            "address": None if node.address is None else "{}:{}".format(*node.address),
            "links": len(node.router.links),
            "routes": len(node.router.routes()),
            "groups": len(node.groups.joints()),
            "apps": len(node.apps.apps),
            "messengers": [messenger.key.hex() for messenger in node.relay.present],
            "counts": {**node.router.counts, **node.groups.counts, **node.agent.counts},
        }

    async def peers(self) -> list[Row]:
        """Who this node talks to: neighbours and the far ends of its groups."""
        rows: dict[PublicKey, Row] = {}
        for link in self._node.router.links.values():
            row = rows.setdefault(link.peer, self._peer(link.peer, "neighbour"))
            row["rtt_seconds"] = row["rtt_seconds"] or link.rtt_s
            row["sent_bytes"] += link.sent_bytes
            row["received_bytes"] += link.received_bytes
        for joint in self._node.groups.joints():
            if joint.peer not in rows:
                rows[joint.peer] = self._peer(joint.peer, self._way(joint))
                for stream in joint.streams.values():
                    rows[joint.peer]["sent_bytes"] += stream.sent_bytes
                    rows[joint.peer]["received_bytes"] += stream.received_bytes
        return list(rows.values())

    async def name_peer(self, peer: str, label: str = "") -> Row:
        """Call a key by a label, or by none."""
        key = self._key(peer)
        with _told():
            self._node.book.name(key, label)
        return {"public_key": key.hex(), "label": label}

    async def ping(self, peer: str, count: int = 1, interval: float = 0.1, min_hops: int = 1) -> Row:
        """Round trips to a peer, encrypted end to end."""
        key = self._key(peer)
        if not 1 <= count <= PINGS_MAX or not 0 <= interval <= 60:
            raise RemoteError("bad-request", f"a count of 1 to {PINGS_MAX}, an interval up to 60 s")
        with _told():
            joint = await self._node.mesh.group(key, Policy(min_hops))
            trips = await self._node.mesh.pinger.ping(joint, count, interval)
        least, middle, most = trips.figures or (None, None, None)
        return {
            "id": None,
            "kind": "mesh",
            "public_key": key.hex(),
            "label": self._label(key),
            "path": self._way(joint),
            "count": trips.count,
            "lost": trips.lost,
            "min_seconds": least,
            "median_seconds": middle,
            "max_seconds": most,
        }

    # -- transports

    async def transports(self) -> list[Row]:
        """The links of this node, those that are down too."""
        return [self._transport(row._asdict()) for row in self._node.links.rows()]

    async def add_transport(self, peer: str, type: str | None = None, persistent: bool = True) -> Row:
        """Link with a node: KEY, or KEY@HOST:PORT."""
        text, at, address = peer.partition("@")
        key = self._key(text)
        try:
            kind = None if type is None else TransportType(type)
            if at:
                parse_address(address)
        except ValueError as exc:
            raise RemoteError("bad-request", f"{exc}: KEY@HOST:PORT, and a type of `tp types`") from exc
        with _told():
            id = await self._node.links.add(key, address or None, kind, persistent=persistent)
        return next(row for row in await self.transports() if row["id"] == str(id))

    async def remove_transport(self, transport: str) -> Row:
        """Hang up and do not dial again."""
        rows = [row for row in await self.transports() if row["id"].startswith(transport)]
        if len(rows) != 1 or not transport:
            raise RemoteError("not-found", f"{len(rows)} transports begin with {transport!r}")
        with _told():
            await self._node.links.remove(uuid.UUID(rows[0]["id"]))
        return rows[0]

    async def transport_types(self) -> list[str]:
        """What kinds of links there are."""
        return [type.value for type in TransportType]

    # -- routes

    async def routes(self) -> list[Row]:
        """The routes that end here, and what goes by them."""
        return [row for joint in self._node.groups.joints() for row in self._routes_of(joint)]

    async def groups(self) -> list[Row]:
        """The pairs of nodes with an end here."""
        return [
            {
                "id": joint.id.hex(),
                "peer": joint.peer.hex(),
                "label": self._label(joint.peer),
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
        key = self._key(peer)
        between = tuple(self._key(text) for text in through or ())
        with _told():
            found = await self._node.network.paths(key, Policy(min_hops, between), FOUND_MAX)
        return [self._found(path) for path in found]

    # -- the network

    async def mesh_map(self) -> Row:
        """All nodes and transports this node knows of."""
        transports = [
            {
                "id": one.entry.t_id,
                "type": one.entry.type.value,
                "edges": [key.hex() for key in edges_of(one.entry)],
                "up": up,
            }
            for one, up in self._known()
        ]
        keys = {self._node.key.hex(), *(edge for row in transports for edge in row["edges"])}
        nodes = [
            {"public_key": key, "label": self._label(PublicKey(bytes.fromhex(key)))} for key in sorted(keys)
        ]
        return {"nodes": nodes, "transports": transports}

    async def mesh_check(self) -> list[Row]:
        """Each thing the mesh needs: whether it is so, and what to do."""
        return [check.row() for check in await checks.run(self._node)]

    async def services(self, type: str = "", name: str = "") -> list[Row]:
        """What nodes offer."""
        services = self._node.network.services
        if services is None:
            raise RemoteError("unavailable", "no node manager is known: s node-manager, or set node_manager")
        with _told():
            found = await services.services(type)
        rows = [
            {
                "name": offer.info.get("name", offer.type),
                "type": offer.type,
                "public_key": offer.address.rpartition(":")[0],
                "address": offer.address,
                "expires_seconds": offer.expires_s,
            }
            for offer in found
        ]
        return [row for row in rows if not name or row["name"] == name]

    # -- messages

    async def send_message(self, peer: str, text: str) -> Row:
        """Send a message that waits for an absent receiver."""
        key = self._key(peer)
        self._need_messenger()
        with _told():
            return self._named(await self._node.post.send(key, text))

    async def messages(self, peer: str | None = None) -> list[Row]:
        """What was sent and what came since this visor began, oldest first."""
        key = self._key(peer) if peer else None
        with _told():
            return [self._named(row) for row in await self._node.post.list(key)]

    def _need_messenger(self) -> None:
        if not self._node.around.messengers:
            raise RemoteError("unavailable", "no messenger is known: s messenger, or set messengers")

    def _named(self, row: Row) -> Row:
        return {**row, **{end: self._name(PublicKey(bytes.fromhex(row[end]))) for end in ("from", "to")}}

    # -- inside

    def _known(self) -> Iterable[tuple[Any, bool]]:  # Any: a Told or a SignedEntry; both have `entry`
        own = {one.entry.t_id: one for one in self._node.links.entries()}
        yield from ((one, True) for one in own.values())
        yield from ((one, one.is_up) for one in self._node.network.told if one.entry.t_id not in own)

    def _key(self, text: str) -> PublicKey:
        known = [link.peer for link in self._node.router.links.values()]
        known += [joint.peer for joint in self._node.groups.joints()]
        with _told("not-found"):
            return self._node.book.resolve(text, known)

    def _label(self, key: PublicKey) -> str:
        return "this node" if key == self._node.key else self._node.book.label(key)

    def _peer(self, key: PublicKey, path: str) -> Row:
        return {
            "public_key": key.hex(),
            "label": self._label(key),
            "path": path,
            "rtt_seconds": None,
            "sent_bytes": 0,
            "received_bytes": 0,
        }

    def _name(self, key: PublicKey) -> str:
        return self._label(key) or key.hex()[:12]

    def _way(self, joint: Joint) -> str:
        """The route streams go by now, in words."""
        active = joint.group.active
        if active is None:
            return "no route"
        if not joint.initiates:
            return "dialled by it"
        between = self._node.groups.path_of(joint, active)
        return "direct" if not between else "by " + ", ".join(map(self._name, between))

    def _transport(self, row: Row) -> Row:
        key = PublicKey(bytes.fromhex(row["public_key"]))
        return {**row, "label": self._label(key)}

    def _routes_of(self, joint: Joint) -> list[Row]:
        ends = (self._node.key, joint.peer) if joint.initiates else (joint.peer, self._node.key)
        now = self._node.router.loop.time()
        return [
            {
                "id": f"{joint.id.hex()[:8]}.{number}",
                "src": ends[0].hex(),
                "dst": ends[1].hex(),
                "hops": [key.hex() for key in self._node.groups.path_of(joint, number)],
                "standby": number != joint.group.active,
                "age_seconds": round(now - end.opened_at, 1) if end.opened_at is not None else 0.0,
                "bytes": end.leg.sent_bytes + end.leg.received_bytes if end.leg is not None else 0,
            }
            for number, end in joint.ends.items()
            if end.state is State.OPEN
        ]

    def _found(self, path: Path) -> Row:
        keys = [path.hops[0].source, *(hop.target for hop in path.hops)]
        return {
            "cost": path.cost,
            "hops": [
                {"transport": str(hop.transport), "from": hop.source.hex(), "to": hop.target.hex()}
                for hop in path.hops
            ],
            "names": [self._name(key) for key in keys],
        }


@contextmanager
def _told(code: str = "failed") -> Iterator[None]:
    """What goes wrong in the mesh is told to the asker as an error of the bus."""
    try:
        yield
    except MeshError as exc:
        raise RemoteError(getattr(exc, "code", "") or code, str(exc)) from exc
