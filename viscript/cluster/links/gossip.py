"""Which records of the roster go to another host, and in which pages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from signal_bus.peers.messages import KNOWN_MAX, PREFIX_BYTES, RECORDS_BYTES, PeerRoster
from viscript.cluster.model import Member, Signed, SignedCard, SignedMember, read_card, read_member
from viscript.cluster.roster import Roster

PAGE_RECORDS: Final = 512


def question(roster: Roster) -> PeerRoster:
    """Ask for what this roster lacks."""
    prefixes = (one[:PREFIX_BYTES] for one in roster.hashes[:KNOWN_MAX])
    return PeerRoster(have=b"".join(prefixes))


def answer(roster: Roster, have: bytes) -> Iterator[PeerRoster]:
    """What is not among `have`, in pages."""
    known = {have[at : at + PREFIX_BYTES] for at in range(0, len(have), PREFIX_BYTES)}
    return pages(one for one in roster.records() if one.hash[:PREFIX_BYTES] not in known)


def news(before: Roster | None, after: Roster) -> Iterator[PeerRoster]:
    """What is in `after` only, in pages."""
    known = before.raw if before is not None else frozenset()
    return pages(one for one in after.records() if one.record not in known)


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


class Found:
    """New records of several pages, each once."""

    def __init__(self) -> None:
        self.members: list[SignedMember] = []
        self.cards: list[SignedCard] = []
        self._raw: set[bytes] = set()

    def __contains__(self, record: object) -> bool:
        return record in self._raw

    def add(self, records: Iterable[SignedMember | SignedCard]) -> None:
        """Take records whose signatures were checked."""
        for one in records:
            self._raw.add(one.record)
            if isinstance(one.body, Member):
                self.members.append(Signed(one.body, one.record))
            else:
                self.cards.append(Signed(one.body, one.record))


def unknown(roster: Roster, page: PeerRoster, found: Found) -> Iterator[SignedMember | SignedCard]:
    """The records of a page that neither is in this roster nor was found, checked. Raises `BadRecord`."""
    known = roster.raw
    yield from (read_member(one) for one in page.members if one not in known and one not in found)
    yield from (read_card(one) for one in page.cards if one not in known and one not in found)
