"""All that the node manager knows: rows by kind and key, and changes of them. Pure.

A rule reads the ledger and says what to change; the shell writes that to the disk, and only then lets it
hold here. So what was answered is on the disk, and a full disk changes nothing. A row holds until `ends`,
in seconds since 1970 by a clock that does not jump while we run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

import msgspec

from components.mesh.entry import NodeEntry
from components.mesh.errors import WireError
from components.mesh.forms import EdgeStatus, Offer
from components.mesh.transport import SignedEntry


class NonceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The next number that a key must sign with. The key "" has the first of every new key."""

    ends: float
    next: int


class TransportRow(msgspec.Struct, frozen=True, kw_only=True):
    """A transport, and what each edge says of it."""

    ends: float
    signed: SignedEntry
    statuses: tuple[EdgeStatus, EdgeStatus] = (EdgeStatus(), EdgeStatus())

    @property
    def is_up(self) -> bool:
        """Whether no edge says that it is down."""
        return self.statuses[0].is_up and self.statuses[1].is_up


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node's entry: told until `live_until`, and its sequence remembered after that."""

    ends: float
    entry: NodeEntry
    live_until: float


class OfferRow(msgspec.Struct, frozen=True, kw_only=True):
    """A service of a node."""

    ends: float
    offer: Offer
    registered: int


class UptimeRow(msgspec.Struct, frozen=True, kw_only=True):
    """When a node was there."""

    ends: float
    since: float
    seen: float
    up_s: float = 0.0


R = TypeVar("R")
Row = NonceRow | TransportRow | NodeRow | OfferRow | UptimeRow
FORMS: Final[dict[str, type[Row]]] = {
    "nonce": NonceRow,
    "transport": TransportRow,
    "node": NodeRow,
    "offer": OfferRow,
    "uptime": UptimeRow,
}
KINDS: Final = {form: kind for kind, form in FORMS.items()}


class Change(NamedTuple):
    """A row put in its place, or (None) dropped."""

    kind: str
    key: str
    row: Row | None


def put(key: str, row: Row) -> Change:
    """The change that puts a row."""
    return Change(KINDS[type(row)], key, row)


def encode(row: Row) -> bytes:
    """A row as it is stored."""
    return msgspec.json.encode(row)


def decode(kind: str, data: bytes) -> Row:
    """A row that was stored. Raises `WireError`."""
    try:
        return msgspec.json.decode(data, type=FORMS[kind])
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError) as exc:
        raise WireError(f"not a stored {kind}: {exc}") from exc


class Ledger:
    """The rows. `structure` counts up when a transport comes, goes, or goes up or down; `changes` always."""

    def __init__(self) -> None:
        self.nonces: dict[str, NonceRow] = {}  # in the order of their last use
        self.transports: dict[str, TransportRow] = {}
        self.nodes: dict[str, NodeRow] = {}
        self.offers: dict[str, OfferRow] = {}
        self.uptimes: dict[str, UptimeRow] = {}
        self._of_edge: dict[str, set[str]] = {}
        self._of_owner: dict[str, set[str]] = {}
        self.structure = 0
        self.changes = 0

    def of_edge(self, key: str) -> set[str]:
        """The ids of a node's transports."""
        return self._of_edge.get(key, set())

    def of_owner(self, key: str) -> set[str]:
        """The keys of a node's offers."""
        return self._of_owner.get(key, set())

    def apply(self, changes: Iterable[Change]) -> None:
        """Let the changes hold."""
        for change in changes:
            self._apply(*change)
            self.changes += 1

    def _apply(self, kind: str, key: str, row: Row | None) -> None:
        match kind:
            case "transport":
                self._set_transport(key, row if isinstance(row, TransportRow) else None)
            case "offer":
                self._set_offer(key, row if isinstance(row, OfferRow) else None)
            case "nonce":
                _set(self.nonces, key, row if isinstance(row, NonceRow) else None)
            case "node":
                _set(self.nodes, key, row if isinstance(row, NodeRow) else None)
            case "uptime":
                _set(self.uptimes, key, row if isinstance(row, UptimeRow) else None)

    def _set_transport(self, key: str, row: TransportRow | None) -> None:
        before = self.transports.get(key)
        _set(self.transports, key, row)
        if (before is None, before and before.is_up) != (row is None, row and row.is_up):
            self.structure += 1
        for edge in before.signed.entry.edges if before and row is None else ():
            _leave(self._of_edge, edge, key)
        for edge in row.signed.entry.edges if row else ():
            self._of_edge.setdefault(edge, set()).add(key)

    def _set_offer(self, key: str, row: OfferRow | None) -> None:
        owner = owner_of(key)
        _set(self.offers, key, row)
        if row is None:
            _leave(self._of_owner, owner, key)
        else:
            self._of_owner.setdefault(owner, set()).add(key)

    def ended(self, now: float) -> Iterator[Change]:
        """The changes that drop every row whose time is over."""
        for kind, rows in self._tables():
            for key, row in rows.items():
                if row.ends <= now and (kind, key) != ("nonce", ""):
                    yield Change(kind, key, None)

    def _tables(self) -> tuple[tuple[str, Mapping[str, Row]], ...]:
        return (
            ("nonce", self.nonces),
            ("transport", self.transports),
            ("node", self.nodes),
            ("offer", self.offers),
            ("uptime", self.uptimes),
        )


def owner_of(offer_key: str) -> str:
    """The node in the key of an offer, TYPE:KEY:PORT."""
    return offer_key.split(":")[1]


def _set(table: dict[str, R], key: str, row: R | None) -> None:
    table.pop(key, None)
    if row is not None:
        table[key] = row


def _leave(index: dict[str, set[str]], key: str, member: str) -> None:
    members = index.get(key, set())
    members.discard(member)
    if not members:
        index.pop(key, None)
