"""What two ends sign for: the bytes of one line on one day. Pure.

A line is all streams between two nodes that one of them dialled to one port of the other. The figures of a
receipt are those of the side that dialled; it signs first, and the other one signs the same bytes if its own
figures agree.

offset  size  field
0       32    key of the node that dialled
32      32    key of the node that was dialled
64      2     port that was dialled
66      4     day, in days since 1970, UTC
70      4     sequence, from 1, rising with each receipt of this line and day
74      8     bytes that went to the dialled node
82      8     bytes that came back

All numbers are big-endian. A signature of 64 bytes is made over these 90 bytes in the context
"viscript meter receipt 1". Both ends keep the newest receipt that has both signatures.

Messages, on port METER of the mesh: u8 kind | receipt | signature of its sender, but none in DIFFER.

    PROPOSE 1   dialler -> dialled   I sent and received so much: sign it too
    AGREE   2   dialled -> dialler   I signed it
    DIFFER  3   either way           my own figures, and the newest sequence I know: not yours, or ask me
"""

from __future__ import annotations

import datetime as dt
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from components.mesh import keys
from components.mesh.errors import BadKey, WireError
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

CONTEXT: Final = b"viscript meter receipt 1"
SIGNATURE_BYTES: Final = 64
LAST_DAY: Final = dt.date.max.toordinal() - dt.date(1970, 1, 1).toordinal()
MOST: Final = 2**63 - 1  # a file holds no more
_BODY: Final = Struct(">32s32sHIIQQ")
BODY_BYTES: Final = _BODY.size


class Receipt(NamedTuple):
    """The figures of one line and day."""

    dialler: PublicKey
    dialled: PublicKey
    port: int
    day: int
    sequence: int
    there_bytes: int
    back_bytes: int

    def pack(self) -> bytes:
        """The bytes that are signed."""
        return _BODY.pack(*self)


class Signed(NamedTuple):
    """A receipt that both ends signed."""

    receipt: Receipt
    by_dialler: bytes
    by_dialled: bytes


class Kind(IntEnum):
    """What a message says."""

    PROPOSE = 1
    AGREE = 2
    DIFFER = 3


class Message(NamedTuple):
    """One of them."""

    kind: Kind
    receipt: Receipt
    signature: bytes = b""


def sign(identity: Identity, receipt: Receipt) -> bytes:
    """Our signature."""
    return identity.sign(CONTEXT, receipt.pack())


def is_signed(receipt: Receipt, by: PublicKey, signature: bytes) -> bool:
    """Whether this is that node's signature."""
    return verify(by, CONTEXT, receipt.pack(), signature)


def unpack(data: bytes) -> Receipt:
    """The receipt in these bytes. Raises `WireError`."""
    if len(data) != BODY_BYTES:
        raise WireError(f"a receipt of {len(data)} bytes; it has {BODY_BYTES}")
    dialler, dialled, port, day, sequence, there, back = _BODY.unpack(data)
    if day > LAST_DAY or max(there, back) > MOST:
        raise WireError("a receipt with figures that cannot be")
    return Receipt(_key(dialler), _key(dialled), port, day, sequence, there, back)


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    return bytes((message.kind,)) + message.receipt.pack() + message.signature


def decode(data: bytes) -> Message:
    """The message in these bytes; nothing is verified. Raises `WireError`."""
    if not data or data[0] not in set(Kind):
        raise WireError("no message about a receipt")
    kind = Kind(data[0])
    signature = data[1 + BODY_BYTES :]
    if len(signature) != (0 if kind is Kind.DIFFER else SIGNATURE_BYTES):
        raise WireError(f"a message of {len(data)} bytes about a receipt")
    return Message(kind, unpack(data[1 : 1 + BODY_BYTES]), signature)


def day_of(seconds: float) -> int:
    """The UTC day of a time in seconds since 1970."""
    return int(seconds // 86_400)


def date_of(day: int) -> str:
    """As in 2030-12-31."""
    return dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day).isoformat()


def day_from(text: str) -> int:
    """The day that a date says. Raises `ValueError`."""
    return dt.date.fromisoformat(text).toordinal() - dt.date(1970, 1, 1).toordinal()


def _key(data: bytes) -> PublicKey:
    try:
        return keys.check(data)
    except BadKey as exc:
        raise WireError(str(exc)) from exc
