"""Transports: their ids, and the entry that both edges sign.

id         first 16 bytes of SHA-256(16 zero bytes | smaller key | larger key | type), the version nibble 0,
           the two
           variant bits 10, written as a UUID. A key counts as 33 bytes, 02 before ours; smaller as
           big-endian integers
signature  Ed25519 in the context "viscript transport 1" over  id 16 | edge 33 | edge 33 | type

The formula and the JSON are Skywire's: one id for each pair and type, the same on both ends.
"""

import hashlib
import uuid
from enum import Enum
from typing import Annotated, Final

import msgspec

from components.mesh import keys
from components.mesh.errors import BadKey, CallerError, TagError, WireError
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

CONTEXT: Final = b"viscript transport 1"
COMPRESSED: Final = b"\x02"
HALVES: Final = 2

KeyText = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]
SignatureText = Annotated[str, msgspec.Meta(max_length=128)]


class TransportType(Enum):
    """How the bytes of a link travel."""

    STCPR = "stcpr"  # a TCP connection between the two
    DMSG = "dmsg"  # relayed by a messenger


class Label(Enum):
    """Who wanted a transport."""

    USER = "user"
    AUTOMATIC = "automatic"


class Entry(msgspec.Struct, frozen=True):
    """One transport, as services tell it. `edges` are sorted; `check` says whether all of it is true."""

    t_id: Annotated[str, msgspec.Meta(max_length=36)]
    edges: tuple[KeyText, KeyText]
    type: TransportType
    public: bool = True
    label: Label = Label.AUTOMATIC


class SignedEntry(msgspec.Struct, frozen=True):
    """An entry with the signatures of its edges, in the order of `edges`, 128 hexadecimal digits each."""

    entry: Entry
    signatures: tuple[SignatureText, SignatureText]
    registered: int = 0  # seconds since 1970, by the service's clock


def transport_id(one: PublicKey, other: PublicKey, type: TransportType) -> uuid.UUID:
    """The id of the transport of this type between two nodes, whoever is named first."""
    hashed = hashlib.sha256(bytes(16) + b"".join(_compressed(one, other)) + type.value.encode())
    data = bytearray(hashed.digest()[:16])
    data[6] &= 0x0F
    data[8] = data[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(data))


def entry_of(
    one: PublicKey,
    other: PublicKey,
    type: TransportType,
    *,
    public: bool = True,
    label: Label = Label.AUTOMATIC,
) -> Entry:
    """The entry of a transport. Raises `CallerError` for one to oneself."""
    if one == other:
        raise CallerError("a transport has two ends")
    first, second = sorted((one, other), key=keys.order)
    edges = keys.hex66(first), keys.hex66(second)
    return Entry(str(transport_id(one, other, type)), edges, type, public, label)


def sign(entry: Entry, identity: Identity) -> str:
    """The signature of one edge. Raises `CallerError` for one who is none, `WireError` for a false entry."""
    if identity.public_key not in edges_of(entry):
        raise CallerError("only an edge signs a transport")
    return identity.sign(CONTEXT, _signed_bytes(entry)).hex()


def signed(entry: Entry, signatures: dict[PublicKey, str]) -> SignedEntry:
    """The entry with both signatures in their order. Raises `TagError` or `WireError` unless it is good."""
    first, second = edges_of(entry)
    whole = SignedEntry(entry, (signatures.get(first, ""), signatures.get(second, "")))
    check(whole)
    return whole


def check(whole: SignedEntry) -> tuple[PublicKey, PublicKey]:
    """The edges, once id, order and both signatures were found good. Raises `WireError` or `TagError`."""
    edges = edges_of(whole.entry)
    for edge, signature in zip(edges, whole.signatures, strict=True):
        check_signature(whole.entry, edge, signature)
    return edges


def check_signature(entry: Entry, edge: PublicKey, signature: str) -> None:
    """Let one edge's signature pass. Raises `TagError`."""
    try:
        data = bytes.fromhex(signature)
    except ValueError:
        data = b""
    if not verify(edge, CONTEXT, _signed_bytes(entry), data):
        raise TagError(f"transport {entry.t_id}: the signature of {edge.hex()} does not hold")


def edges_of(entry: Entry) -> tuple[PublicKey, PublicKey]:
    """The two keys. Raises `WireError` unless they are sorted, differ, and the id is theirs."""
    try:
        first, second = (keys.parse(edge) for edge in entry.edges)
    except BadKey as exc:
        raise WireError(f"transport {entry.t_id}: {exc}") from exc
    if keys.order(first) >= keys.order(second):
        raise WireError(f"transport {entry.t_id}: its edges are not two keys in order")
    if entry.t_id != str(transport_id(first, second, entry.type)):
        raise WireError(f"transport {entry.t_id}: this is not the id of its edges and type")
    return first, second


def _signed_bytes(entry: Entry) -> bytes:
    edges = b"".join(bytes.fromhex(edge) for edge in entry.edges)
    return uuid.UUID(entry.t_id).bytes + edges + entry.type.value.encode()


def _compressed(one: PublicKey, other: PublicKey) -> list[bytes]:
    return [COMPRESSED + key for key in sorted((one, other), key=keys.order)]
