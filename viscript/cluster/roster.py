"""Who belongs to a cluster: the records there are, and which of them count. Pure.

Records are kept by slot (key, signer); merging keeps in each slot the one that holds. So merging is
commutative, associative and idempotent, and hosts that exchange all they have agree.

Which records count is decided in rounds, from the cluster's key outwards:

    round 0   the cluster's key signs
    round n   for each key not yet an admin, the record holds that is the best of those signed by admins of
              the rounds before; if it makes the key an admin, the key is settled, and signs from then on
    last      for the keys that are no admins, the best record signed by any admin

So an admin is settled by those nearer to the cluster's key alone: nobody puts out, or demotes, the
one who let him in, nor his equals, and no two admins can put each other out (decision 0145). With an admin
falls what only it signed: `orphans` names these, to be signed anew before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, TypeVar

from msgspec import structs

from signal_bus.ids import PublicKey
from viscript.cluster.model import VERSION_MAX, B, Card, Member, Signed, SignedCard, SignedMember
from viscript.verbs.table import Role

RECORDS_MAX: Final = 16_384  # of each sort; the first by key stay
Slot = tuple[PublicKey, PublicKey]  # key, signer
K = TypeVar("K")
P = TypeVar("P", PublicKey, Slot)
V = TypeVar("V")


@dataclass(frozen=True)
class Roster:
    """The records of one cluster. Immutable: merging gives another."""

    cluster: PublicKey
    slots: Mapping[Slot, SignedMember] = field(default_factory=lambda: MappingProxyType({}))
    cards: Mapping[PublicKey, SignedCard] = field(default_factory=lambda: MappingProxyType({}))

    def merge(self, members: Iterable[SignedMember] = (), cards: Iterable[SignedCard] = ()) -> Roster:
        """All records of both; those of another cluster are left out."""
        slots, newer = dict(self.slots), dict(self.cards)
        for member in members:
            if member.body.cluster == self.cluster:
                _keep_better(slots, (member.body.key, member.body.by), member)
        for card in cards:
            _keep_better(newer, card.body.key, card)
        return Roster(self.cluster, MappingProxyType(slots), MappingProxyType(newer))

    def join(self, other: Roster) -> Roster:
        """The union with another roster of the same cluster."""
        return self.merge(other.slots.values(), other.cards.values())

    def trimmed(self) -> Roster:
        """Without records that could not count whatever else were known, and within the bounds."""
        signers = self._possible_signers()
        slots = {slot: record for slot, record in self.slots.items() if slot[1] in signers}
        keys = {slot[0] for slot in slots}
        cards = {key: card for key, card in self.cards.items() if key in keys}
        return Roster(self.cluster, _bounded(slots), _bounded(cards))

    # What counts.

    @cached_property
    def verdict(self) -> Mapping[PublicKey, Member]:
        """The member record that counts, for each key that has one; also of those that are gone."""
        return MappingProxyType({key: record.body for key, record in self._counting.items()})

    @cached_property
    def present(self) -> Mapping[PublicKey, Member]:
        """The hosts that belong now, with what their own cards say newer."""
        here = {key: member for key, member in self.verdict.items() if not member.gone}
        return MappingProxyType({key: self._with_card(member) for key, member in here.items()})

    def role_of(self, key: PublicKey) -> Role | None:
        """What a key may do on the others; None for one that does not belong."""
        member = self.present.get(key)
        return member.role if member is not None else None

    def rank(self, key: PublicKey) -> int | None:
        """How far a signer is from the cluster's key, itself 0; None for one that does not sign."""
        return self._ranks.get(key)

    def may_change(self, signer: PublicKey, key: PublicKey) -> bool:
        """Whether a record of `key` that `signer` makes now would count."""
        mine, its = self.rank(signer), self.rank(key)
        return mine is not None and (its is None or mine < its) and signer != key

    def next_version(self, key: PublicKey) -> int:
        """The version that beats every record of this key, whether it counts or not.

        What a key signs of itself never counts. At the highest version there is, a record that revokes holds.
        """
        versions = (one.body.version for (of, by), one in self.slots.items() if of == key != by)
        return min(max(versions, default=0) + 1, VERSION_MAX)

    def orphans(self, signer: PublicKey) -> tuple[Member, ...]:
        """Members that would fall with a signer: sign them anew before it goes."""
        rest = {slot: one for slot, one in self.slots.items() if slot[1] != signer}
        without = Roster(self.cluster, rest, self.cards).present
        return tuple(member for key, member in self.present.items() if key not in without and key != signer)

    # What is passed on.

    @cached_property
    def digest(self) -> bytes:
        """The same for two rosters that hold the same records."""
        return hashlib.sha256(self.cluster + b"".join(self.hashes)).digest()

    @cached_property
    def hashes(self) -> tuple[bytes, ...]:
        """The hash of every record, in order."""
        return tuple(sorted(one.hash for one in self._records()))

    @cached_property
    def raw(self) -> frozenset[bytes]:
        """Every record, as it came."""
        return frozenset(one.record for one in self._records())

    def records(self) -> Iterator[SignedMember | SignedCard]:
        """Every record, members before cards, in the order of their keys."""
        yield from (self.slots[slot] for slot in sorted(self.slots))
        yield from (self.cards[key] for key in sorted(self.cards))

    def _records(self) -> Iterator[SignedMember | SignedCard]:
        yield from self.slots.values()
        yield from self.cards.values()

    # The rounds.

    @cached_property
    def _ranks(self) -> Mapping[PublicKey, int]:
        """Each record is looked at once, when its signer is settled: a long chain costs no more."""
        ranks: dict[PublicKey, int] = {self.cluster: 0}
        best: dict[PublicKey, SignedMember] = {}
        signed, settled = _by_signer(self.slots), [self.cluster]
        while settled:
            news = [one for signer in settled for one in signed.get(signer, ()) if one.body.key not in ranks]
            for one in news:
                _keep_better(best, one.body.key, one)
            found = dict.fromkeys(one.body.key for one in news)
            number = ranks[settled[0]] + 1
            settled = [key for key in found if _signs(best[key].body)]
            ranks.update(dict.fromkeys(settled, number))
        return ranks

    @cached_property
    def _counting(self) -> Mapping[PublicKey, SignedMember]:
        ranks = self._ranks
        allowed = {
            slot: one
            for slot, one in self.slots.items()
            if slot[1] in ranks and (slot[0] not in ranks or ranks[slot[1]] < ranks[slot[0]])
        }
        return _best(allowed, ranks)

    def _possible_signers(self) -> frozenset[PublicKey]:
        """Whoever is, or was in a record kept, an admin by a chain from the cluster's key."""
        signers, found, signed = {self.cluster}, [self.cluster], _by_signer(self.slots)
        while found:
            granted = (one.body for signer in found for one in signed.get(signer, ()))
            found = list({body.key for body in granted if body.role is Role.ADMIN} - signers)
            signers.update(found)
        return frozenset(signers)

    def _with_card(self, member: Member) -> Member:
        signed = self.cards.get(member.key)
        return member if signed is None else _dressed(member, signed.body)


def _signs(member: Member) -> bool:
    return member.role is Role.ADMIN and not member.gone


def _dressed(member: Member, card: Card) -> Member:
    """The member with what it says of itself."""
    own = {"labels": card.labels, "addresses": card.addresses, "mesh": card.mesh}  # its bus key never changes
    return structs.replace(member, **own)


def _by_signer(slots: Mapping[Slot, SignedMember]) -> Mapping[PublicKey, list[SignedMember]]:
    signed: dict[PublicKey, list[SignedMember]] = {}
    for (_, by), one in slots.items():
        signed.setdefault(by, []).append(one)
    return signed


def _best(
    slots: Mapping[Slot, SignedMember], signers: Mapping[PublicKey, int]
) -> dict[PublicKey, SignedMember]:
    """For each key, the best of the records that these signers made."""
    best: dict[PublicKey, SignedMember] = {}
    for (key, by), one in slots.items():
        if by in signers:
            _keep_better(best, key, one)
    return best


def _keep_better(kept: dict[K, Signed[B]], place: K, one: Signed[B]) -> None:
    before = kept.get(place)
    if before is None or one.beats(before):
        kept[place] = one


def _bounded(kept: dict[P, V]) -> Mapping[P, V]:
    return MappingProxyType({place: kept[place] for place in sorted(kept)[:RECORDS_MAX]})
