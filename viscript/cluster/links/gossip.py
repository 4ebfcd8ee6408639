"""Which records of the roster go to another host, and in which pages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from signal_bus.peers.messages import KNOWN_MAX, PREFIX_BYTES, RECORDS_BYTES, PeerRoster
from viscript.cluster.model import Member, SignedCard, SignedMember, read_card, read_member
from viscript.cluster.roster import Roster

PAGE_RECORDS: Final = 512


def question(roster: Roster) -> PeerRoster:
    """Ask for what this roster lacks."""
    prefixes = sorted(one[:PREFIX_BYTES] for one in roster.hashes())
    return PeerRoster(have=b"".join(prefixes[:KNOWN_MAX]))


def answer(roster: Roster, have: bytes) -> Iterator[PeerRoster]:
    """What is not among `have`, in pages."""
    known = {have[at : at + PREFIX_BYTES] for at in range(0, len(have), PREFIX_BYTES)}
    return pages(one for one in roster.records() if one.hash[:PREFIX_BYTES] not in known)


def news(before: Roster | None, after: Roster) -> Iterator[PeerRoster]:
    """What is in `after` only, in pages."""
    known = set(before.hashes()) if before is not None else set()
    return pages(one for one in after.records() if one.hash not in known)


def pages(records: Iterable[SignedMember | SignedCard]) -> Iterator[PeerRoster]:
    """The records, no page too large."""
    members: list[bytes] = []
    cards: list[bytes] = []
    size = 0
    for one in records:
        if size + len(one.record) > RECORDS_BYTES or len(members) + len(cards) >= PAGE_RECORDS:
            yield PeerRoster(members=tuple(members), cards=tuple(cards))
            members, cards, size = [], [], 0
        (members if isinstance(one.body, Member) else cards).append(one.record)
        size += len(one.record)
    if size:
        yield PeerRoster(members=tuple(members), cards=tuple(cards))


def unknown(roster: Roster, page: PeerRoster) -> Iterator[SignedMember | SignedCard]:
    """The records of a page that this roster does not hold, each checked. Raises `BadRecord`."""
    known = {one.record for one in roster.records()}
    yield from (read_member(record) for record in page.members if record not in known)
    yield from (read_card(record) for record in page.cards if record not in known)
