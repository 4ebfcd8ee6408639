"""What a messenger and its clients say about letters. Letters and receipts are those of `envelope`.

A session at port 1023 (no args, no body in the answer) is a control channel for a sender; on a presence
session the same methods can be asked, and letters come too.

method     from        body -> answer
store      client      `Store` -> `Stored`: keep these letters; one that is there already changes nothing
ask        client      `Ask` -> `Told`: how far these letters came
receipts   client      `Receipts` -> none: what the receiver has to say later: it has read them
letters    messenger   `Letters` -> `Taken`: take these (presence only); what is in no list of it stays here
receipts   messenger   `Receipts` -> none: how far letters of yours came

In a letter's body (offsets in the body of the envelope):

0    8   epoch: when the sender's store was made, in ms; a new store counts anew
8    8   number, from 1, one more with each letter to this receiver
16   8   floor: the sender will not send any number below it again
24   n   the message, at most 32744 bytes
"""

from struct import Struct
from typing import Annotated, Final, NamedTuple

import msgspec

from components.mesh.envelope import ID_BYTES, MAX_BODY, MAX_LETTER, RECEIPT_BYTES
from components.mesh.errors import WireError
from components.mesh.relay_wire import Key

MAX_LETTERS: Final = 64  # in one message
BATCH_BYTES: Final = 48 * 1024
_HEAD: Final = Struct(">QQQ")
MAX_MESSAGE: Final = MAX_BODY - _HEAD.size
MAX_NUMBER: Final = 2**63 - 1

Id = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
Sealed = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_LETTER)]
ReceiptBytes = Annotated[bytes, msgspec.Meta(min_length=RECEIPT_BYTES, max_length=RECEIPT_BYTES)]
Place = Annotated[int, msgspec.Meta(ge=0, lt=MAX_LETTERS)]
Code = Annotated[str, msgspec.Meta(max_length=64)]

FULL: Final = "full"  # the sender's or the receiver's share is used up; later
NOT_ALLOWED: Final = "not-allowed"  # the receiver is not on this messenger's list


class Posted(msgspec.Struct, frozen=True):
    """One letter as the messenger sees it."""

    to: Key
    id: Id
    letter: Sealed


class Store(msgspec.Struct, frozen=True):
    """Letters to keep, in order."""

    letters: Annotated[tuple[Posted, ...], msgspec.Meta(max_length=MAX_LETTERS)]


class Stored(msgspec.Struct, frozen=True):
    """One code for each letter: empty when it is on the messenger's disk."""

    codes: Annotated[tuple[Code, ...], msgspec.Meta(max_length=MAX_LETTERS)]


class Ask(msgspec.Struct, frozen=True):
    """Which letters are asked about."""

    ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_LETTERS)]


class Told(msgspec.Struct, frozen=True):
    """Receipts there are, and letters that are neither here nor receipted."""

    receipts: Annotated[tuple[ReceiptBytes, ...], msgspec.Meta(max_length=MAX_LETTERS)] = ()
    unknown: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_LETTERS)] = ()


class Letters(msgspec.Struct, frozen=True):
    """Letters for the client."""

    letters: Annotated[tuple[Sealed, ...], msgspec.Meta(max_length=MAX_LETTERS)]


class Taken(msgspec.Struct, frozen=True):
    """What the receiver signs for, and the places in `Letters` of what it cannot open: to be dropped."""

    receipts: Annotated[tuple[ReceiptBytes, ...], msgspec.Meta(max_length=MAX_LETTERS)] = ()
    refused: Annotated[tuple[Place, ...], msgspec.Meta(max_length=MAX_LETTERS)] = ()


class Receipts(msgspec.Struct, frozen=True):
    """Receipts, of letters that were taken or read."""

    receipts: Annotated[tuple[ReceiptBytes, ...], msgspec.Meta(max_length=MAX_LETTERS)] = ()


class Numbered(NamedTuple):
    """A letter's body, taken apart."""

    epoch: int
    number: int
    floor: int
    message: bytes


def pack(numbered: Numbered) -> bytes:
    """The body of a letter."""
    return _HEAD.pack(*numbered[:3]) + numbered.message


def unpack(body: bytes) -> Numbered:
    """What a letter's body holds. Raises `WireError`."""
    if len(body) < _HEAD.size:
        raise WireError(f"a message of {len(body)} bytes (at least {_HEAD.size} are expected)")
    epoch, number, floor = _HEAD.unpack_from(body)
    if not (1 <= floor <= number <= MAX_NUMBER and epoch <= MAX_NUMBER):
        raise WireError(f"a message with the number {number} and the floor {floor}")
    return Numbered(epoch, number, floor, body[_HEAD.size :])
