"""One entry of the audit, and how entries hang together. Pure.

    record      signature 64 | body: a msgpack map of the fields below, at most RECORD_BYTES
                context "viscript audit 1", signed by the host's key
    chain       body.number counts from 1; body.before is the SHA-256 of the record before it, 32 zeros for
                the first
    asked       written before a verb runs
    done        written when it has ended: the same ulid, with its code
    refused     instead of both: the caller's role did not reach
    cut         once old ones were dropped, stands first, in the place of the last of them: with its number,
                and with its hash as `before`

A command whose `done` is missing was under way when the daemon ended.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

import msgspec

from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey
from viscript.errors import ViscriptError

CONTEXT: Final = b"viscript audit 1"
SIGNATURE_BYTES: Final = 64
RECORD_BYTES: Final = 32 * 1024
NOTHING_BEFORE: Final = bytes(32)

Kind = Literal["asked", "done", "refused", "cut"]
_Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class BadEntry(ViscriptError):
    """The bytes are no entry of this host, or do not follow the one before."""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry tells, before it has its place in the chain."""

    kind: Kind
    ulid: str = ""
    time: float
    actor: str = ""  # a key in hexadecimal
    host: str = ""  # the label of the host it was done on
    verb: str = ""
    role: str = ""
    argv: tuple[str, ...] = ()
    target: str = ""
    code: int | None = None
    seconds: float | None = None


class Entry(Said, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry tells, in its place."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    before: _Hash


_pack: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_entries: Final = msgspec.msgpack.Decoder(Entry)


def sign(said: Said, *, number: int, before: bytes, signer: Identity) -> bytes:
    """The record of what is said, at its place."""
    body = _pack(Entry(**msgspec.structs.asdict(said), number=number, before=before))
    return signer.sign(CONTEXT, body) + body


def read(record: bytes) -> Entry:
    """The entry in a record; its signature is another matter. Raises `BadEntry`."""
    if not SIGNATURE_BYTES < len(record) <= RECORD_BYTES:
        raise BadEntry(f"a record of {len(record)} bytes")
    try:
        return _entries.decode(record[SIGNATURE_BYTES:])
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadEntry(f"not readable: {exc}") from exc


def digest(record: bytes) -> bytes:
    """What the next entry names this one by."""
    return hashlib.sha256(record).digest()


def checked(record: bytes, key: PublicKey) -> Entry:
    """The entry in a record that this host signed. Raises `BadEntry`."""
    entry = read(record)
    if not verify(key, CONTEXT, record[SIGNATURE_BYTES:], record[:SIGNATURE_BYTES]):
        raise BadEntry("its signature is not that of this host")
    return entry


class Chain:
    """Feed it records in order: each must be signed, and follow the one before."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self.number = 0  # of the last good one
        self.digest = NOTHING_BEFORE

    def feed(self, record: bytes) -> Entry:
        """The entry, if it is right. Raises `BadEntry`, which says what is wrong."""
        entry = checked(record, self._key)
        if entry.kind == "cut":
            self._begin(entry)
            return entry
        if entry.number != self.number + 1:
            raise BadEntry(f"it is entry {entry.number}, where {self.number + 1} must follow")
        if entry.before != self.digest:
            raise BadEntry("it was written after another entry than the one before it")
        self.number, self.digest = entry.number, digest(record)
        return entry

    def _begin(self, cut: Entry) -> None:
        """The first entry that is left is the one after the cut."""
        if self.number:
            raise BadEntry("it says that entries were dropped which are there")
        self.number, self.digest = cut.number, cut.before
