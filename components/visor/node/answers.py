"""What a visor answers over the bus: each method is one question of a verb, its answer plain data.

Peers are named as people name them: a key in any of its forms, a label of our address book, or the first six
digits of a key we know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from components.mesh.forms import Told
from components.mesh.transport import Entry, edges_of
from components.visor.groups.path import Policy
from components.visor.node import checks
from components.visor.node.directory import Directory
from components.visor.node.invitation import invitation
from components.visor.node.metering import Metering
from components.visor.node.names import Names, Row, told
from components.visor.node.node import Node
from components.visor.node.ways import Ways
from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey

PINGS_MAX: Final = 1000


class Answers:
    """The methods of one node; `methods` are to be told to the bus."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._names = Names(node)
        self.ways = Ways(node, self._names)
        self._metering = Metering(node, self._names)
        self._directory = Directory(node)

    @property
    def methods(self) -> tuple[Callable[..., Awaitable[Any]], ...]:  # Any: each answers its own form
        """All of them, by their names."""
        return (
            self.health,
            self.status,
            self.peers,
            self.ways.transports,
            self.ways.add_transport,
            self.ways.remove_transport,
            self.ways.transport_types,
            self.ways.routes,
            self.ways.rules,
            self.ways.groups,
            self.ways.find_route,
            self.ping,
            self.mesh_map,
            self.mesh_check,
            self.mesh_keys,
            self.services,
            self.name_peer,
            self.send_message,
            self.messages,
            self._metering.meter,
            self._metering.meter_verify,
            self._metering.meter_links,
            self._metering.connections,
            self._directory.publish,
            self._directory.lookup,
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
            "connections": sum(len(app.streams) for app in node.apps.apps),
            "messengers": [messenger.key.hex() for messenger in node.relay.present],
            "counts": {**node.router.counts, **node.groups.counts, **node.agent.counts},
        }

    async def status(self) -> Row:
        """The same without the counts, and the open streams of apps."""
        row = await self.health()
        del row["counts"]
        row["open"] = row.pop("connections")
        return {**row, "connections": await self._metering.connections()}

    async def peers(self) -> list[Row]:
        """Who this node talks to, and by which hops: neighbours and the far ends of its groups."""
        rows: dict[PublicKey, Row] = {}
        for link in self._node.router.links.values():
            row = rows.setdefault(link.peer, self._peer(link.peer, "neighbour"))
            row["rtt_seconds"] = row["rtt_seconds"] or link.rtt_s
            row["latencies_seconds"] = [row["rtt_seconds"]]
            row["sent_bytes"] += link.sent_bytes
            row["received_bytes"] += link.received_bytes
        for joint in self._node.groups.joints():
            if joint.peer not in rows:
                rows[joint.peer] = self._peer(joint.peer, self._names.way(joint))
                rows[joint.peer] |= await self.ways.hops(joint)
                for stream in joint.streams.values():
                    rows[joint.peer]["sent_bytes"] += stream.sent_bytes
                    rows[joint.peer]["received_bytes"] += stream.received_bytes
        return list(rows.values())

    async def name_peer(self, peer: str, label: str = "") -> Row:
        """Call a key by a label, or by none."""
        key = self._names.key(peer)
        with told():
            self._node.book.name(key, label)
        return {"public_key": key.hex(), "label": label}

    async def ping(self, peer: str, count: int = 1, interval: float = 0.1, min_hops: int = 1) -> Row:
        """Round trips to a peer, encrypted end to end."""
        key = self._names.key(peer)
        if not 1 <= count <= PINGS_MAX or not 0 <= interval <= 60:
            raise RemoteError("bad-request", f"a count of 1 to {PINGS_MAX}, an interval up to 60 s")
        with told():
            joint = await self._node.mesh.group(key, Policy(min_hops))
            trips = await self._node.mesh.pinger.ping(joint, count, interval)
        least, middle, most = trips.figures or (None, None, None)
        return {
            "id": None,
            "kind": "mesh",
            "public_key": key.hex(),
            "label": self._names.label(key),
            "path": self._names.way(joint),
            **await self.ways.hops(joint),
            "count": trips.count,
            "lost": trips.lost,
            "min_seconds": least,
            "median_seconds": middle,
            "max_seconds": most,
        }

    # -- the network

    async def mesh_map(self) -> Row:
        """All nodes and transports this node knows of, asked for now."""
        seen = await self._node.network.look()
        known = list(self._known(seen))
        transports = [
            {
                "id": entry.t_id,
                "type": entry.type.value,
                "edges": [key.hex() for key in edges_of(entry)],
                "up": up,
            }
            for entry, up in known
        ]
        keys = {self._node.key.hex(), *(key.hex() for entry, _ in known for key in edges_of(entry))}
        nodes = [
            {"public_key": key, "label": self._names.label(PublicKey(bytes.fromhex(key)))}
            for key in sorted(keys)
        ]
        return {"nodes": nodes, "transports": transports}

    async def mesh_check(self) -> list[Row]:
        """Each thing the mesh needs: whether it is so, and what to do."""
        return [check.row() for check in await checks.run(self._node)]

    async def mesh_keys(self) -> Row:
        """What another host has to be told to join this mesh."""
        return invitation(self._node)

    async def services(self, type: str = "", name: str = "") -> list[Row]:
        """What nodes offer."""
        services = self._node.network.services
        if services is None:
            raise RemoteError("unavailable", "no node manager is known: s node-manager, or set node_manager")
        with told():
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
        key = self._names.key(peer)
        self._need_messenger()
        with told():
            return self._named(await self._node.post.send(key, text))

    async def messages(self, peer: str | None = None) -> list[Row]:
        """What was sent and what came since this visor began, oldest first."""
        key = self._names.key(peer) if peer else None
        with told():
            return [self._named(row) for row in await self._node.post.list(key)]

    def _need_messenger(self) -> None:
        if not self._node.around.messengers:
            raise RemoteError("unavailable", "no messenger is known: s messenger, or set messengers")

    def _named(self, row: Row) -> Row:
        return {
            **row,
            **{end: self._names.name(PublicKey(bytes.fromhex(row[end]))) for end in ("from", "to")},
        }

    # -- inside

    def _known(self, seen: Sequence[Told]) -> Iterable[tuple[Entry, bool]]:
        """Each transport, and whether it is up: ours as we see them, others as the directory says."""
        own = {one.entry.t_id: one for one in self._node.links.entries()}
        yield from ((one.entry, True) for one in own.values())
        yield from ((one.entry, one.is_up) for one in seen if one.entry.t_id not in own)

    def _peer(self, key: PublicKey, path: str) -> Row:
        return {
            "public_key": key.hex(),
            "label": self._names.label(key),
            "path": path,
            "hop_names": [self._names.name(key)],
            "latencies_seconds": [None],
            "rtt_seconds": None,
            "sent_bytes": 0,
            "received_bytes": 0,
        }
