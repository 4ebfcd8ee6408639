"""The head of an audit: the newest entry of a host, signed, for other hosts to keep. Pure.

    record    signature 64 | body: msgpack [host, number, digest, time], context "viscript audit head 1"

On a stream of the kind "audit" the host that was called answers first, with a byte for the length and the
head of the caller that it keeps, or with a 0. The caller then sends its own head, if it likes, and ends.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey
from viscript.errors import ViscriptError

CONTEXT: Final = b"viscript audit head 1"
HEAD_BYTES: Final = 255
_SIGNATURE_BYTES: Final = 64
_Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class BadHead(ViscriptError):
    """The bytes are no head of that host."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How far a host's audit goes, and the hash of its newest entry."""

    host: _Hash
    number: Annotated[int, msgspec.Meta(ge=1)]
    digest: _Hash
    time: float


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Head).decode


def sign_head(number: int, digest: bytes, *, now: float, signer: Identity) -> bytes:
    """The record of a head."""
    body = _pack(Head(signer.public_key, number, digest, now))
    return signer.sign(CONTEXT, body) + body


def read_head(record: bytes, host: PublicKey) -> Head:
    """The head in a record that this host signed. Raises `BadHead`."""
    signature, body = record[:_SIGNATURE_BYTES], record[_SIGNATURE_BYTES:]
    if len(record) > HEAD_BYTES or not verify(host, CONTEXT, body, signature):
        raise BadHead("the head of an audit that its host did not sign")
    try:
        head = _unpack(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadHead(f"the head of an audit that is none: {exc}") from exc
    if head.host != host:
        raise BadHead("the head of another host's audit")
    return head


def follows(record: bytes, kept: bytes, host: PublicKey) -> bool:
    """Whether a head goes further than the one that is kept, if any is. Raises `BadHead`."""
    head = read_head(record, host)
    return not kept or head.number > read_head(kept, host).number
