"""Copies of a host's audit in the state store that all hosts share. Pure.

    key     audit/HOST/ULID    HOST is the host's key in hexadecimal, ULID of the time the copy was made
    value   msgpack [first, [record, ...]]: the entries `first`, `first + 1`, ... as they stand in the chain

A copy is made once and never changed. Each record in it is signed by its host and names the one before, so a
copy needs no signature of its own. Of each host are kept the newest ones, within the bounds below; what is
too old goes by the hand of the host that leads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.audit.entry import BadEntry, Entry, checked, digest
from viscript.cluster.audit.ulid import time_of
from viscript.statestore.api import Item

PREFIX: Final = "audit/"
COPY_BYTES: Final = 60_000  # of records in one copy; a value of the store has 65,535
KEPT_BYTES: Final = 1 << 20  # of one host
KEPT_COPIES: Final = 2000  # of one host
KEPT_S: Final = 400 * 86400.0
FAULTS_MOST: Final = 20

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[int, tuple[bytes, ...]]).decode
Rows = Sequence[tuple[int, bytes]]


class BadCopy(Exception):
    """The value holds no copy."""


def prefix_of(host: PublicKey) -> str:
    """Where the copies of a host lie."""
    return f"{PREFIX}{host.hex()}/"


def packed(rows: Rows) -> tuple[bytes, int]:
    """A copy of as many rows as fit, of those that follow one another; and the number of the last."""
    first = rows[0][0]
    records: list[bytes] = []
    size = 0
    for place, (number, record) in enumerate(rows):
        if number != first + place or (records and size + len(record) > COPY_BYTES):
            break
        records.append(record)
        size += len(record)
    return _pack((first, records)), first + len(records) - 1


def unpacked(value: bytes) -> list[tuple[int, bytes]]:
    """The rows of a copy. Raises `BadCopy`."""
    try:
        first, records = _unpack(value)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadCopy(f"not readable: {exc}") from exc
    return list(enumerate(records, first))


class Copies:
    """All copies of one host: feed it items, then `settle` it. Only what the host signed is kept."""

    def __init__(self, host: PublicKey) -> None:
        self.host = host
        self.entries: dict[int, Entry] = {}
        self.digests: dict[int, bytes] = {}
        self.faults: list[str] = []  # what is wrong with copies, the first some of it

    @property
    def last(self) -> int:
        """The number of the newest entry; 0 for none."""
        return max(self.entries, default=0)

    def feed(self, items: Iterable[Item]) -> None:
        """Take copies. Costs a signature an entry: not for the loop."""
        for item in items:
            try:
                for number, record in unpacked(item.value):
                    self._take(item.key, number, record)
            except (BadCopy, BadEntry) as exc:
                self._fault(f"{item.key} is no copy of this host's audit: {exc}")

    def _take(self, key: str, number: int, record: bytes) -> None:
        entry, hashed = checked(record, self.host), digest(record)
        if entry.number != number:
            raise BadEntry(f"entry {entry.number} stands in the place of {number}")
        if self.digests.setdefault(number, hashed) != hashed:
            self._fault(f"entry {number} was copied twice, and not the same: {key} has the other")
            return
        self.entries[number] = entry

    def settle(self) -> None:
        """Look whether each entry follows the one before, where that was copied too."""
        for number, entry in sorted(self.entries.items()):
            if self.digests.get(number - 1, entry.before) != entry.before:
                self._fault(
                    f"entry {number} was written after another one than the copied entry {number - 1}"
                )

    def _fault(self, text: str) -> None:
        if len(self.faults) < FAULTS_MOST:
            self.faults.append(text)


def surplus(items: Sequence[Item], now: float) -> list[str]:
    """The keys of copies that go: of the items of one host, oldest first, those beyond the bounds."""
    size, gone = 0, []
    for count, item in enumerate(reversed(items), 1):
        size += len(item.key) + len(item.value)
        made_at = time_of(item.key.rpartition("/")[2])
        if size > KEPT_BYTES or count > KEPT_COPIES or (made_at and made_at < now - KEPT_S):
            gone.append(item.key)
    return gone[::-1]
