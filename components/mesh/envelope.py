"""Messages for somebody who may be away: signed, then sealed, then stored by a messenger; and the receiver's
receipt.

A letter is a libsodium sealed box (X25519 of the receiver's key) around:

offset  size  field
0       32    sender's key
32      32    receiver's key
64      16    id, random; with the sender it tells a letter from its copies
80      8     time, milliseconds since 1970, big endian, by the sender's clock
88      64    signature in the context "viscript letter 1" over fields 0 to 87 and the body
152     n     body, at most 32768 bytes

A receipt is open to the messenger, which forgets the letter then:

0       32    sender of the letter
32      32    receiver, who signs
64      16    id of the letter
80      1     1 delivered (it is in the receiver's store), 2 read
81      8     time, as above, by the receiver's clock
89      64    signature in the context "viscript receipt 1" over fields 0 to 88

The signature names both keys: a letter cannot be sealed anew for a third by who received it.
"""

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.public import PublicKey as BoxKey

from components.mesh import keys
from components.mesh.errors import BadKey, CallerError, TagError, WireError
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

LETTER_CONTEXT: Final = b"viscript letter 1"
RECEIPT_CONTEXT: Final = b"viscript receipt 1"
ID_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64
MAX_BODY: Final = 32 * 1024
_LETTER: Final = Struct(">32s32s16sQ")
_RECEIPT: Final = Struct(">32s32s16sBQ")
_SEAL_BYTES: Final = 48  # of libsodium's sealed box
OVERHEAD_BYTES: Final = _SEAL_BYTES + _LETTER.size + SIGNATURE_BYTES
MAX_LETTER: Final = OVERHEAD_BYTES + MAX_BODY
RECEIPT_BYTES: Final = _RECEIPT.size + SIGNATURE_BYTES
MAX_TIME: Final = 2**63 - 1


class Letter(NamedTuple):
    """An opened message."""

    sender: PublicKey
    receiver: PublicKey
    id: bytes
    time_ms: int
    body: bytes


class Mark(IntEnum):
    """How far a letter came."""

    DELIVERED = 1
    READ = 2


class Receipt(NamedTuple):
    """The receiver's word on a letter."""

    sender: PublicKey
    receiver: PublicKey
    id: bytes
    mark: Mark
    time_ms: int


def seal(identity: Identity, receiver: PublicKey, body: bytes, *, id: bytes, time_ms: int) -> bytes:
    """A letter that `receiver` alone can open. Raises `CallerError` for a bad size, `BadKey`."""
    if len(body) > MAX_BODY or len(id) != ID_BYTES or not 0 <= time_ms <= MAX_TIME:
        raise CallerError(f"a letter has at most {MAX_BODY} bytes, an id of {ID_BYTES}, a time from 1970 on")
    head = _LETTER.pack(identity.public_key, keys.check(receiver), id, time_ms)
    signature = identity.sign(LETTER_CONTEXT, head + body)
    box = SealedBox(BoxKey(keys.agreement_key(receiver)))
    return box.encrypt(head + signature + body)


def open_letter(identity: Identity, sealed: bytes) -> Letter:
    """The letter in `sealed`. Raises `WireError` or `TagError`: whoever stored it is wrong, or its sender."""
    if not OVERHEAD_BYTES <= len(sealed) <= MAX_LETTER:
        raise WireError(f"a letter of {len(sealed)} bytes ({OVERHEAD_BYTES} to {MAX_LETTER} are allowed)")
    try:
        plain = SealedBox(PrivateKey(identity.agreement_secret())).decrypt(sealed)
    except CryptoError as exc:
        raise TagError("a letter that was not sealed for us") from exc
    head, signature, body = plain[: _LETTER.size], plain[_LETTER.size : 152], plain[152:]
    sender, receiver, id_, time_ms = _LETTER.unpack(head)
    if receiver != identity.public_key:
        raise TagError("a letter that was written to somebody else")
    key = _key(sender)
    if not verify(key, LETTER_CONTEXT, head + body, signature):
        raise TagError(f"a letter that {key.hex()} did not sign")
    return Letter(key, PublicKey(receiver), id_, time_ms, body)


def receipt(identity: Identity, letter: Letter, mark: Mark, *, time_ms: int) -> bytes:
    """What tells others how far `letter` came. Raises `CallerError` unless it was written to us."""
    if letter.receiver != identity.public_key or not 0 <= time_ms <= MAX_TIME:
        raise CallerError("a receipt is its receiver's, with a time that is not negative")
    head = _RECEIPT.pack(letter.sender, letter.receiver, letter.id, mark, time_ms)
    return head + identity.sign(RECEIPT_CONTEXT, head)


def open_receipt(data: bytes) -> Receipt:
    """The receipt in `data`; the caller compares keys and id. Raises `WireError` or `TagError`."""
    if len(data) != RECEIPT_BYTES:
        raise WireError(f"a receipt has {RECEIPT_BYTES} bytes, not {len(data)}")
    head, signature = data[: _RECEIPT.size], data[_RECEIPT.size :]
    sender, receiver, id_, mark, time_ms = _RECEIPT.unpack(head)
    if mark not in set(Mark):
        raise WireError(f"a receipt with the mark {mark}")
    key = _key(receiver)
    if not verify(key, RECEIPT_CONTEXT, head, signature):
        raise TagError(f"a receipt that {key.hex()} did not sign")
    return Receipt(PublicKey(sender), key, id_, Mark(mark), time_ms)


def _key(data: bytes) -> PublicKey:
    try:
        return keys.check(data)
    except BadKey as exc:
        raise WireError(str(exc)) from exc
