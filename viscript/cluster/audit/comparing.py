"""What others have of this host's audit, held against what this host has of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.entry import BadEntry, digest, read


class Seen(NamedTuple):
    """The hash of an entry as somebody else has it, and who that is, for people."""

    digest: bytes
    where: str


class Difference(NamedTuple):
    """The first entry that others have otherwise, and how."""

    number: int
    reason: str


async def difference(audit: Audit, seen: Mapping[int, Seen]) -> Difference | None:
    """The first of these entries that is not here as it was there. Raises `StoreError`.

    What was dropped here for its age cannot be compared.
    """
    if not seen:
        return None
    last, _ = await audit.end()
    after = min(seen) - 1
    while after < max(seen) and (rows := await audit.rows_after(after)):
        for number, record in rows:
            if number in seen and digest(record) != seen[number].digest and not _is_cut(record):
                return Difference(number, f"it is another one than {seen[number].where} has")
        after = rows[-1][0]
    number = max(seen)
    if number <= last:
        return None
    reason = f"{seen[number].where} has entries up to {number}, this home up to {last}"
    return Difference(last + 1, f"{reason}: its end was cut off, or an old database was put back")


def _is_cut(record: bytes) -> bool:
    try:
        return read(record).kind == "cut"
    except BadEntry:
        return False
