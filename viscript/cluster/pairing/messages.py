"""What two hosts say to each other while they pair. Pure.

In order, after the TCP connection of the joiner is accepted (each in a frame; `sealed` from the end of
the handshake on, with its keys, each direction counting from 0):

    joiner    hello     "vsp1" | invitation 8 | XXpsk3 message 1
    inviter   answer    status 1 (0, or why not: `Status`) | XXpsk3 message 2, payload: its key
    joiner    third     XXpsk3 message 3, payload: its key
    inviter   Offer     sealed: what binds it to its number, who it is, the cluster, the role it would give
    joiner    Request   sealed: its number, who it is
    inviter   Reveal    sealed: its number; both screens show three words
    both      Confirm   sealed, when the person said yes; Abort when not
    inviter   Welcome   sealed, after both confirmed: the records from the cluster's key to the joiner
    joiner    Taken     sealed: it has kept them

The X25519 keys of the handshake are those of the two hosts' Ed25519 keys, told as payloads and compared.
"""

from enum import IntEnum
from typing import Annotated, Final

import msgspec

from viscript.cluster.model import HOST_LABEL, RECORD_BYTES
from viscript.cluster.pairing.code import ID_BYTES
from viscript.errors import ViscriptError
from viscript.verbs.table import Role

MAGIC: Final = b"vsp1"
PROLOGUE: Final = b"viscript pairing 1"
MOST_RECORDS: Final = 15  # of at most 4 KiB: a frame holds them
TEXT_MAX: Final = 300

_Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Label = Annotated[str, msgspec.Meta(pattern=HOST_LABEL)]
_Record = Annotated[bytes, msgspec.Meta(max_length=RECORD_BYTES)]
_Records = Annotated[tuple[_Record, ...], msgspec.Meta(min_length=1, max_length=MOST_RECORDS)]
_Version = Annotated[str, msgspec.Meta(max_length=64)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]


class BadMessage(ViscriptError):
    """The other side sent bytes that are no message of a pairing."""


class Status(IntEnum):
    """The first byte of the inviter's answer."""

    OPEN = 0
    UNKNOWN = 1
    EXPIRED = 2
    USED = 3
    BURNT = 4
    BUSY = 5
    WITHDRAWN = 6


class Offer(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="offer"):
    """The inviter: who it is, and what it offers."""

    commit: _Bytes32
    cluster: _Bytes32
    label: _Label
    card: _Record
    role: Role
    name: Annotated[str, msgspec.Meta(max_length=63)] = (
        ""  # the label the joiner is to have, if it is decided
    )
    hosts: Annotated[int, msgspec.Meta(ge=1)] = 1
    version: _Version = ""


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="request"):
    """The joiner: who it is."""

    nonce: _Bytes32
    label: _Label
    card: _Record
    version: _Version = ""


class Reveal(msgspec.Struct, frozen=True, tag_field="t", tag="reveal"):
    """The inviter's number."""

    nonce: _Bytes32


class Confirm(msgspec.Struct, frozen=True, tag_field="t", tag="confirm"):
    """The person here says that the words are the same."""


class Abort(msgspec.Struct, frozen=True, tag_field="t", tag="abort"):
    """This side ends it, and why: `words` when they differ."""

    words: bool = False
    text: _Text = ""


class Welcome(msgspec.Struct, frozen=True, tag_field="t", tag="welcome"):
    """The records that make the joiner a member, from the cluster's key down."""

    records: _Records


class Taken(msgspec.Struct, frozen=True, tag_field="t", tag="taken"):
    """The joiner has kept them."""


Message = Offer | Request | Reveal | Confirm | Abort | Welcome | Taken
_decoder: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)
_encode: Final = msgspec.msgpack.Encoder().encode


def encode(message: Message) -> bytes:
    """A message as bytes, to be sealed."""
    return _encode(message)


def decode(data: bytes) -> Message:
    """The message in unsealed bytes. Raises `BadMessage`."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadMessage(f"no message of a pairing: {exc}") from exc


def hello(invitation: bytes, first: bytes) -> bytes:
    """The joiner's first frame."""
    return MAGIC + invitation + first


def read_hello(data: bytes) -> tuple[bytes, bytes]:
    """The invitation and the first handshake message. Raises `BadMessage`."""
    rest = data.removeprefix(MAGIC)
    if rest is data or len(rest) == len(data) or len(rest) < ID_BYTES:
        raise BadMessage("this is no pairing of viscript")
    return rest[:ID_BYTES], rest[ID_BYTES:]


def answer(status: Status, second: bytes = b"") -> bytes:
    """The inviter's first frame."""
    return bytes([status]) + second


def read_answer(data: bytes) -> tuple[Status, bytes]:
    """What the inviter says to the hello. Raises `BadMessage`."""
    try:
        return Status(data[0]), data[1:]
    except (IndexError, ValueError) as exc:
        raise BadMessage("the answer is of an unknown kind") from exc
