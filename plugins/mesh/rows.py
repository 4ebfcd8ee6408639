"""What the verbs of the mesh answer with `-o json`: fields may be added, none is renamed or removed.

The visor answers these rows; they are published as JSON Schema by `python -P -m plugins.mesh.reference`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec


class PeerRow(msgspec.Struct, kw_only=True):
    """Somebody this node talks to; the last hop is the peer, each latency that of the link to the hop."""

    public_key: str
    label: str
    path: str
    hop_names: list[str]
    latencies_seconds: list[float | None]
    rtt_seconds: float | None
    sent_bytes: int
    received_bytes: int


class TransportRow(msgspec.Struct, kw_only=True):
    """A link to a neighbour; `reason` says why it is down."""

    id: str
    type: str
    public_key: str
    label: str
    persistent: bool
    up: bool
    sent_bytes: int
    received_bytes: int
    rtt_seconds: float | None
    address: str | None
    reason: str


class TypeRow(msgspec.Struct, kw_only=True):
    """A kind of link."""

    type: str
    text: str


class RouteRow(msgspec.Struct, kw_only=True):
    """A route that ends here; `hops` are the keys between its ends, known to who dialled it."""

    id: str
    src: str
    dst: str
    hops: list[str]
    path: str
    hop_names: list[str]
    latencies_seconds: list[float | None]
    standby: bool
    age_seconds: float
    bytes: int


class PathHop(msgspec.Struct, kw_only=True, rename={"source": "from", "target": "to"}):
    """One link of a path."""

    transport: str
    source: str
    target: str


class PathRow(msgspec.Struct, kw_only=True):
    """A path that a route could take."""

    cost: int
    hops: list[PathHop]
    path: str
    names: list[str]
    hop_names: list[str]
    latencies_seconds: list[float | None]


class Leg(msgspec.Struct, kw_only=True):
    """One side of a rule."""

    peer: str
    in_id: int
    out_id: int


class RuleRow(msgspec.Struct, kw_only=True):
    """What this node carries; of others' routes it knows the neighbours only."""

    kind: Literal["end", "forward"]
    state: str
    expires_seconds: float
    legs: list[Leg]
    sent_bytes: int
    received_bytes: int


class GroupRow(msgspec.Struct, kw_only=True):
    """A pair of nodes with an end here."""

    id: str
    peer: str
    label: str
    dialled: bool
    routes: int
    open_routes: int
    active: int | None
    streams: int


class MapNode(msgspec.Struct, kw_only=True):
    """A node of the network."""

    public_key: str
    label: str


class MapTransport(msgspec.Struct, kw_only=True):
    """A link of the network."""

    id: str
    type: str
    edges: list[str]
    up: bool


class NetworkMap(msgspec.Struct, kw_only=True):
    """All that this node knows of."""

    nodes: list[MapNode]
    transports: list[MapTransport]


class CheckRow(msgspec.Struct, kw_only=True):
    """Something the mesh needs."""

    check: str
    status: Literal["pass", "warn", "fail"]
    text: str
    fix: str


class KeysRow(msgspec.Struct, kw_only=True):
    """What another host has to be told; `local` names what only this host reaches."""

    public_key: str
    node_manager: list[str]
    setup_nodes: list[str]
    messengers: list[str]
    links: list[str]
    local: list[str]


class LabelRow(msgspec.Struct, kw_only=True):
    """A key and what it is called; no label is an empty one."""

    public_key: str
    label: str


class ServiceRow(msgspec.Struct, kw_only=True):
    """What a node offers."""

    name: str
    type: str
    public_key: str
    address: str
    expires_seconds: float


class MessageRow(msgspec.Struct, kw_only=True, rename={"source": "from", "target": "to"}):
    """A message that came or went."""

    id: str
    time: str  # ISO 8601, UTC
    source: str
    target: str
    state: str
    text: str


class SentRow(msgspec.Struct, kw_only=True):
    """A message that was just given to the mesh."""

    id: str
    state: str


class ConnectionRow(msgspec.Struct, kw_only=True):
    """A stream that is open; `port` is the one that was dialled."""

    app: str
    stream: int
    peer: str
    label: str
    port: int
    dialled: bool
    sent_bytes: int
    received_bytes: int
    sent_bytes_per_second: int
    received_bytes_per_second: int
    rtt_seconds: float | None
    duration_seconds: float
    path: str


class _MeterLine(msgspec.Struct, kw_only=True):
    """What both have."""

    day: str  # ISO 8601, by UTC
    app: str
    peer: str
    label: str
    port: int
    dialled: bool
    sent_bytes: int
    received_bytes: int
    receipt: Literal["signed", "open", "none", "differs", "forged"]


class MeterRow(_MeterLine, kw_only=True):
    """What went between an app and a peer; `restored_bytes` of it are known from the peer only."""

    restored_bytes: int


class VerifiedRow(_MeterLine, kw_only=True):
    """A receipt and our sums of the same line and day; `text` says what is wrong."""

    signed_sent_bytes: int
    signed_received_bytes: int
    sequence: int | None
    text: str


class MeterLinkRow(msgspec.Struct, kw_only=True):
    """What a transport carried; `public_key` is empty for one that is not there any more."""

    day: str
    transport: str
    public_key: str
    label: str
    sent_bytes: int
    received_bytes: int


ANSWERS: Final[dict[str, Any]] = {  # Any: a type
    "peers": list[PeerRow],
    "tp ls": list[TransportRow],
    "tp add": TransportRow,
    "tp rm": TransportRow,
    "tp types": list[TypeRow],
    "route ls": list[RouteRow],
    "route find": list[PathRow],
    "route rules": list[RuleRow],
    "route groups": list[GroupRow],
    "mesh map": NetworkMap,
    "mesh check": list[CheckRow],
    "mesh keys": KeysRow,
    "mesh name": LabelRow,
    "mesh conns": list[ConnectionRow],
    "meter": list[MeterRow],
    "meter verify": list[VerifiedRow],
    "meter links": list[MeterLinkRow],
    "services": list[ServiceRow],
    "msg": list[MessageRow] | SentRow,
}
SAME_AS: Final = {
    "node ls-tp": "tp ls",
    "node add-tp": "tp add",
    "node rm-tp": "tp rm",
    "rtfind": "route find",
}
