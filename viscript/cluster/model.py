"""What hosts know of one another: signed records. Pure: values and bytes.

    record      signature 64 | body: a msgpack map of the fields below
    Member      context "viscript member 1", signed by `by`: the cluster's key or an admin's
    Card        context "viscript card 1", signed by the host itself: what changes often, never its role

The signature covers the body's very bytes, and a record is passed on as it came: a host that knows fewer
fields passes on what it cannot read. Of two records the one with the higher version holds; at the same
version the one that revokes; then the one with the smaller hash, so that all hosts agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from signal_bus.identity import SEED_BYTES, Identity, has_twin_bit, verify
from signal_bus.ids import CurveKey, PublicKey
from viscript.errors import ViscriptError
from viscript.verbs.table import Role

MEMBER_CONTEXT: Final = b"viscript member 1"
CARD_CONTEXT: Final = b"viscript card 1"
RECORD_BYTES: Final = 4096
SIGNATURE_BYTES: Final = 64
VERSION_MAX: Final = 2**53
HASH_BYTES: Final = 32
RANKS: Final = {Role.VIEW: 1, Role.OPERATE: 2, Role.ADMIN: 3}

# A host's label stands in `host/7`, in selectors and before log lines: none of their signs are in it.
HOST_LABEL: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,62}\Z"
ADDRESS: Final = r"^tcp://[A-Za-z0-9_.\-\[\]:%]{1,200}:[0-9]{1,5}\Z"

_Key = Annotated[PublicKey, msgspec.Meta(min_length=SEED_BYTES, max_length=SEED_BYTES)]
_Curve = Annotated[CurveKey, msgspec.Meta(min_length=SEED_BYTES, max_length=SEED_BYTES)]
_Mesh = Annotated[bytes, msgspec.Meta(max_length=33)]
_Version = Annotated[int, msgspec.Meta(ge=1, le=VERSION_MAX)]
_HostLabel = Annotated[str, msgspec.Meta(pattern=HOST_LABEL)]
_Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.\-]{1,63}\Z")]
_Labels = Annotated[dict[_Word, _Word], msgspec.Meta(max_length=16)]
_Address = Annotated[str, msgspec.Meta(pattern=ADDRESS)]
_Addresses = Annotated[tuple[_Address, ...], msgspec.Meta(max_length=8)]


class BadRecord(ViscriptError):
    """The bytes are no record that somebody signed."""


class _Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What bodies share: frozen, defaults left off the wire, unknown fields ignored."""


class Member(_Body, frozen=True, kw_only=True):
    """A host of a cluster, as `by` vouches for it. `role` is what this key may do on the others."""

    cluster: _Key
    key: _Key
    curve: _Curve
    label: _HostLabel
    role: Role = Role.VIEW
    labels: _Labels = {}
    addresses: _Addresses = ()
    mesh: _Mesh = b""  # the public key of its visor, where it has one
    version: _Version = 1
    gone: bool = False  # revoked
    by: _Key


class Card(_Body, frozen=True, kw_only=True):
    """What a host says of itself: where it is reached, its labels, its bus key."""

    key: _Key
    curve: _Curve
    labels: _Labels = {}
    addresses: _Addresses = ()
    mesh: _Mesh = b""
    version: _Version = 1

    @property
    def by(self) -> PublicKey:
        """Who signs a card: the host itself."""
        return self.key


B = TypeVar("B", Member, Card)


@dataclass(frozen=True)
class Signed(Generic[B]):
    """A body whose signature was checked, and the record it came in."""

    body: B
    record: bytes

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the record."""
        return hashlib.sha256(self.record).digest()

    def beats(self, other: Signed[B]) -> bool:
        """Whether this record holds rather than the other."""
        return self._order() > other._order()

    def _order(self) -> tuple[int, bool, bytes]:
        gone = getattr(self.body, "gone", False)  # a card revokes nothing
        return (self.body.version, gone, bytes(255 - byte for byte in self.hash))


SignedMember = Signed[Member]
SignedCard = Signed[Card]

_pack: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_members: Final = msgspec.msgpack.Decoder(Member)
_cards: Final = msgspec.msgpack.Decoder(Card)


def sign_member(member: Member, signer: Identity) -> SignedMember:
    """The record of a member. Raises `BadRecord` for one that nobody would accept."""
    record = _signed(member, MEMBER_CONTEXT, signer)
    return read_member(record)


def sign_card(card: Card, signer: Identity) -> SignedCard:
    """The record of a card. Raises `BadRecord` for one that nobody would accept."""
    record = _signed(card, CARD_CONTEXT, signer)
    return read_card(record)


def read_member(record: bytes) -> SignedMember:
    """A member's record, its signature checked. Raises `BadRecord`."""
    body = _opened(record, _members)
    _check(body, record, MEMBER_CONTEXT)
    if has_twin_bit(body.cluster):
        raise BadRecord("bit 255 of the cluster's key is set")
    return Signed(body, record)


def read_card(record: bytes) -> SignedCard:
    """A card, its signature checked. Raises `BadRecord`."""
    body = _opened(record, _cards)
    _check(body, record, CARD_CONTEXT)
    return Signed(body, record)


def covers(role: Role, needed: Role) -> bool:
    """Whether who has `role` may do what `needed` is asked for."""
    return RANKS[role] >= RANKS[needed]


def _signed(body: Member | Card, context: bytes, signer: Identity) -> bytes:
    if body.by != signer.public_key:
        raise BadRecord("the record names another signer")
    data = _pack(body)
    return signer.sign(context, data) + data


def _opened(record: bytes, decoder: msgspec.msgpack.Decoder[B]) -> B:
    if not SIGNATURE_BYTES < len(record) <= RECORD_BYTES:
        raise BadRecord(f"a record has {SIGNATURE_BYTES + 1} to {RECORD_BYTES} bytes, not {len(record)}")
    try:
        return decoder.decode(record[SIGNATURE_BYTES:])
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadRecord(str(exc)) from exc


def _check(body: Member | Card, record: bytes, context: bytes) -> None:
    if has_twin_bit(body.key) or has_twin_bit(body.by):
        raise BadRecord("bit 255 of a key is set")
    if not verify(body.by, context, record[SIGNATURE_BYTES:], record[:SIGNATURE_BYTES]):
        raise BadRecord(f"the signature is not that of {body.by.hex()[:16]}")
