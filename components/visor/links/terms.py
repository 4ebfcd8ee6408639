"""What two nodes agree on when a link begins: the arguments and the answer of a session at port LINK. Pure.

Ask      {entry, signature, token, ended}   the transport, signed by whoever dials; see `rivals` for tokens
Agreed   {signature}                        the other edge's

With it both ends hold the entry signed by both, which services take from either.
"""

from typing import Annotated

import msgspec

from components.mesh import payloads
from components.mesh.errors import WireError
from components.mesh.transport import (
    Entry,
    Label,
    SignatureText,
    SignedEntry,
    TransportType,
    check_signature,
    edges_of,
    entry_of,
    sign,
    signed,
)
from components.visor.links.rivals import NO_TOKEN, TOKEN_BYTES
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

Token = Annotated[bytes, msgspec.Meta(min_length=TOKEN_BYTES, max_length=TOKEN_BYTES)]
TokenOrNone = Annotated[bytes, msgspec.Meta(max_length=TOKEN_BYTES)]


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the dialling side wants."""

    entry: Entry
    signature: SignatureText
    token: Token
    ended: TokenOrNone = NO_TOKEN


class Agreed(msgspec.Struct, frozen=True):
    """The other side's signature under the same entry."""

    signature: SignatureText


def ask(
    identity: Identity, peer: PublicKey, type: TransportType, label: Label, *, token: bytes, ended: bytes
) -> Ask:
    """Our request for a link of this type with `peer`."""
    entry = entry_of(identity.public_key, peer, type, label=label)
    return Ask(entry, sign(entry, identity), token, ended)


def read_ask(args: msgspec.Raw, here: PublicKey, peer: PublicKey, type: TransportType) -> Ask:
    """The request of a proven peer who came by this type. Raises `WireError` or `TagError`."""
    asked = payloads.decode(args, Ask)
    if set(edges_of(asked.entry)) != {here, peer}:
        raise WireError(f"the transport {asked.entry.t_id} is not between us")
    if asked.entry.type is not type:
        raise WireError(f"a transport of type {asked.entry.type.value} cannot come by {type.value}")
    check_signature(asked.entry, peer, asked.signature)
    return asked


def agree(asked: Ask, identity: Identity, peer: PublicKey) -> tuple[Agreed, SignedEntry]:
    """Our answer to a request that was read, and the entry with both signatures."""
    ours = sign(asked.entry, identity)
    return Agreed(ours), signed(asked.entry, {peer: asked.signature, identity.public_key: ours})


def read_agreed(asked: Ask, body: msgspec.Raw, here: PublicKey, peer: PublicKey) -> SignedEntry:
    """The entry with both signatures, after the peer's answer. Raises `WireError` or `TagError`."""
    answer = payloads.decode(body, Agreed)
    return signed(asked.entry, {here: asked.signature, peer: answer.signature})
