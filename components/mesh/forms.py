"""What the services and their clients say to each other in JSON, apart from the node entries. Pure.

Names with capitals are those of Skywire's route finder. Unknown fields are refused in what a client sends,
and ignored in what a service answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

import msgspec

from components.mesh import keys, paths
from components.mesh.errors import BadKey, WireError
from components.mesh.transport import Entry, KeyText, SignatureText, TransportType
from signal_bus.ids import PublicKey

MOST_IN_BODY: Final = 64  # transports or statuses in one request
MOST_ROUTES: Final = 8
MOST_PAIRS: Final = 4  # asked for in one request
UNKNOWN_RTT_US: Final = 100_000
UNKNOWN_THROUGHPUT: Final = 1_000_000  # bytes a second
RELAY_FACTOR: Final = 1.25  # a relayed transport counts for so many direct ones, where nothing was measured
HOP_US: Final = 100  # what a hop costs besides its wire

Figure = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Hops = Annotated[int, msgspec.Meta(ge=0, le=255)]  # more than MAX_HOPS are asked for, and never found
Kind = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Note = Annotated[str, msgspec.Meta(max_length=128)]
T = TypeVar("T")


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends."""


class Weight(Enum):
    """What makes a path good."""

    HOPS = "hops"
    RTT = "rtt"
    THROUGHPUT = "throughput"


class Status(_Asked, frozen=True):
    """What one edge says of a transport. 0: not known."""

    t_id: Annotated[str, msgspec.Meta(max_length=36)]
    is_up: bool
    updated: Figure = 0
    rtt_us: Figure = 0
    throughput: Figure = 0  # bytes a second


class EdgeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The same as services tell it; `updated` is seconds since 1970 by the service's clock."""

    is_up: bool = True
    updated: int = 0
    rtt_us: int = 0
    throughput: int = 0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One transport as services tell it: the signatures are with it, so nobody need believe them."""

    entry: Entry
    signatures: tuple[SignatureText, SignatureText]
    is_up: bool
    registered: int
    statuses: tuple[EdgeStatus, EdgeStatus]
    expires_s: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some of all transports, by id; `next` is what to ask `after` for more, empty at the end."""

    transports: tuple[Told, ...]
    next: str = ""


class RouteOptions(_Asked, frozen=True, rename="pascal"):
    """How paths should be; `hops` are exactly the nodes in between."""

    min_hops: Hops = 0
    max_hops: Hops = paths.MAX_HOPS
    hops: Annotated[tuple[KeyText, ...], msgspec.Meta(max_length=paths.MAX_HOPS)] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROUTES)] = 3
    weight: Weight = Weight.HOPS
    disjoint: bool = False  # two paths as far apart as can be, instead of `count`


class RouteRequest(_Asked, frozen=True, rename="pascal"):
    """Paths from the first to the second key of each pair."""

    edges: Annotated[tuple[tuple[KeyText, KeyText], ...], msgspec.Meta(min_length=1, max_length=MOST_PAIRS)]
    opts: RouteOptions = RouteOptions()


class OldRouteRequest(_Asked, frozen=True):
    """The same, as Skywire had it before."""

    src_pk: KeyText
    dst_pk: KeyText
    min_hops: Hops = 0
    max_hops: Hops = paths.MAX_HOPS


class RouteHop(msgspec.Struct, frozen=True):
    """One step of a path."""

    tp_id: str = msgspec.field(name="TpID")
    start: str = msgspec.field(name="From")
    end: str = msgspec.field(name="To")


class Offer(_Asked, frozen=True, omit_defaults=True):
    """A service of a node: `address` is KEY:PORT, a port of the mesh."""

    address: Annotated[str, msgspec.Meta(min_length=66, max_length=72)]
    type: Kind
    version: Note = ""
    info: Annotated[dict[Note, Note], msgspec.Meta(max_length=16)] = {}
    lease_s: Annotated[int, msgspec.Meta(ge=10, le=3600)] = 300


class ToldOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A service as services tell it."""

    address: str
    type: str
    version: str = ""
    info: dict[str, str] = {}
    registered: int = 0
    expires_s: int = 0


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the time a node was there, since it was first seen."""

    pk: str
    online: bool
    up_s: int
    percentage: float
    since: int
    seen: int


def decode(data: bytes, type: type[T]) -> T:
    """The `type` in some JSON. Raises `WireError` saying what is wrong."""
    try:
        return msgspec.json.decode(data, type=type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise WireError(f"the body is not as it must be: {exc}") from exc


def plain(answer: Any) -> Any:  # Any: whatever is written as JSON next
    """An answer as lists, maps, numbers and text."""
    return msgspec.to_builtins(answer)


def owner(address: str) -> tuple[PublicKey, int]:
    """Key and port of an `Offer`. Raises `WireError`."""
    text, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) <= 65535:
        raise WireError(f"{address!r} is no address of the mesh: KEY:PORT is expected")
    try:
        return keys.parse(text), int(port)
    except BadKey as exc:
        raise WireError(f"{address!r}: {exc}") from exc


def wish(options: RouteOptions) -> paths.Wish:
    """What the options ask of a path. Raises `WireError` for what no path can be."""
    most = min(options.max_hops, paths.MAX_HOPS)
    if options.min_hops > most:
        raise WireError(f"MinHops {options.min_hops} is more than {most}, the most hops a route may have")
    try:
        via = None if options.hops is None else tuple(keys.parse(text) for text in options.hops)
    except BadKey as exc:
        raise WireError(str(exc)) from exc
    return paths.Wish(min_hops=options.min_hops, max_hops=most, via=via)


def edges(told: Iterable[Told], weight: Weight = Weight.HOPS) -> list[paths.Edge]:
    """The transports that are up, as a graph has them. Their entries were checked before."""
    return [
        paths.Edge(one.entry.t_id, _key(one.entry.edges[0]), _key(one.entry.edges[1]), weigh(one, weight))
        for one in told
        if one.is_up
    ]


def weigh(told: Told, weight: Weight) -> float:
    """How much a transport counts; less is better."""
    relay = RELAY_FACTOR if told.entry.type is TransportType.DMSG else 1.0
    if weight is Weight.HOPS:
        return relay
    if weight is Weight.RTT:
        rtt = max(status.rtt_us for status in told.statuses)
        return HOP_US + (rtt or UNKNOWN_RTT_US * relay)
    throughputs = [status.throughput for status in told.statuses if status.throughput]
    return 1e9 / (min(throughputs) if throughputs else UNKNOWN_THROUGHPUT / relay)


def _key(text: str) -> PublicKey:
    return PublicKey(bytes.fromhex(text[len(keys.PREFIX) :]))
