"""What travels for a far store. Pure: bytes in, messages out.

Each call has a stream of its own: one question from the host that asks, then the answers, then the end. The
stream is the link's, so who asks is known, and back-pressure is the stream's own.

    4 bytes   length of what follows, big-endian
    n bytes   msgpack of one message

    Get, Range, Txn, Lease, Keep, Revoke, Look  ->  one answer, or Refusal
    Range                                       ->  Part... until one with `last`
    Watch                                       ->  Told... until either side closes, or Refusal
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec

from viscript.statestore.api import Batch, Capabilities, Compare, Item, Op, Standing, Txn
from viscript.statestore.checking import NUMBER_MAX
from viscript.statestore.errors import (
    Compacted,
    InvalidRequest,
    LeaseGone,
    Refused,
    StateStoreError,
    StoreAway,
    Unclear,
)

MESSAGE_MAX: Final = 4 << 20  # a transaction has 1 MiB
PART_BYTES: Final = 256 << 10
_HEAD: Final = 4


_Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]  # what an engine can hold


class Garbled(Exception):
    """What came is no message of ours."""


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One message."""


class AskGet(_Message, frozen=True):
    """The item of a key."""

    timeout: float
    key: str


class AskRange(_Message, frozen=True):
    """All items of a prefix."""

    timeout: float
    prefix: str


class AskTxn(_Message, frozen=True):
    """A transaction."""

    timeout: float
    compare: tuple[Compare, ...]
    then: tuple[Op, ...]
    otherwise: tuple[Op, ...]


class AskLease(_Message, frozen=True):
    """A new lease."""

    timeout: float
    ttl_s: _Number


class AskKeep(_Message, frozen=True):
    """Begin the time of a lease anew."""

    timeout: float
    lease: _Number


class AskRevoke(_Message, frozen=True):
    """End a lease."""

    timeout: float
    lease: _Number


class AskWatch(_Message, frozen=True):
    """Every change from a revision on."""

    timeout: float
    prefix: str
    from_revision: _Number


class AskLook(_Message, frozen=True):
    """How the store stands."""

    timeout: float


Ask = AskGet | AskRange | AskTxn | AskLease | AskKeep | AskRevoke | AskWatch | AskLook


class Found(_Message, frozen=True):
    """The item, or none."""

    item: Item | None


class Part(_Message, frozen=True):
    """Some items of a range."""

    revision: int
    items: tuple[Item, ...]
    last: bool


class Done(_Message, frozen=True):
    """What a transaction answered."""

    txn: Txn


class Leased(_Message, frozen=True):
    """A lease, and the time it has; both 0 for one that was ended."""

    lease: int
    ttl_s: int


class Told(_Message, frozen=True):
    """What changed at one revision; None for a sign of life."""

    batch: Batch | None


class Stands(_Message, frozen=True):
    """How the store stands, and what it can do."""

    standing: Standing
    capabilities: Capabilities


class Refusal(_Message, frozen=True):
    """An error of the store: its kind, its sentence, and its number where it has one."""

    kind: str
    text: str
    number: int = 0


Answer = Found | Part | Done | Leased | Told | Stands | Refusal
M = TypeVar("M")

_encoder: Final = msgspec.msgpack.Encoder()
_asks: Final[msgspec.msgpack.Decoder[Ask]] = msgspec.msgpack.Decoder(Ask)
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)
_KINDS: Final[dict[str, type[StateStoreError]]] = {
    "away": StoreAway,
    "unclear": Unclear,
    "refused": Refused,
    "invalid": InvalidRequest,
    "lease-gone": LeaseGone,
    "compacted": Compacted,
}


def encode(message: Ask | Answer) -> bytes:
    """A message as it travels."""
    raw = _encoder.encode(message)
    return len(raw).to_bytes(_HEAD, "big") + raw


class Messages:
    """Cuts a stream into messages. Feed it what arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises `Garbled` for one that is too long."""
        self._buffer += data
        found = []
        while len(self._buffer) >= _HEAD:
            size = int.from_bytes(self._buffer[:_HEAD], "big")
            if size > MESSAGE_MAX:
                raise Garbled(f"a message of {size} bytes; at most {MESSAGE_MAX} are taken")
            if len(self._buffer) < _HEAD + size:
                break
            found.append(bytes(self._buffer[_HEAD : _HEAD + size]))
            del self._buffer[: _HEAD + size]
        return found


def decode_ask(raw: bytes) -> Ask:
    """A question. Raises `Garbled`."""
    return _decoded(_asks, raw)


def decode_answer(raw: bytes) -> Answer:
    """An answer. Raises `Garbled`."""
    return _decoded(_answers, raw)


def _decoded(decoder: msgspec.msgpack.Decoder[M], raw: bytes) -> M:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Garbled(f"no message of a store: {exc}") from exc


def refusal_of(exc: StateStoreError) -> Refusal:
    """An error as it travels; one that is not known becomes the nearest."""
    for kind, error in _KINDS.items():
        if isinstance(exc, error):
            return Refusal(kind, str(exc), getattr(exc, "lease", 0) or getattr(exc, "revision", 0))
    return Refusal("away", str(exc))


def error_of(refusal: Refusal) -> StateStoreError:
    """The error that a refusal tells."""
    error = _KINDS.get(refusal.kind, StoreAway)
    if error is LeaseGone:
        return LeaseGone(refusal.number)
    if error is Compacted:
        return Compacted(refusal.number)
    return error(refusal.text)
