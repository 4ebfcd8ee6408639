"""The roster of one home: the cluster it has pinned, and the records it knows, kept over restarts.

    value "cluster"            the pinned cluster key; none: this host is alone
    record "member"            slot: key | signer
    record "card"              slot: key
    keys/cluster.key   0600    the cluster's secret, on the host that founded it only

Whoever changes something here tells it by `take`; whoever wants to know listens. A change counts at once, and
is on the disk when `take` returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from signal_bus.errors import KeyFileError
from signal_bus.identity import Identity, load, load_or_create
from signal_bus.ids import PublicKey
from viscript.cluster.model import (
    B,
    BadRecord,
    Card,
    Member,
    Signed,
    SignedCard,
    SignedMember,
    read_card,
    read_member,
    sign_member,
)
from viscript.cluster.roster import Roster, Slot
from viscript.errors import ViscriptError
from viscript.store.memory import Memory
from viscript.verbs.table import Role

log = logging.getLogger(__name__)

PINNED: Final = "cluster"
MEMBERS: Final = "member"
CARDS: Final = "card"

Changed = Callable[["Book"], None]
P = TypeVar("P", PublicKey, Slot)


class InCluster(ViscriptError):
    """This host belongs to a cluster already."""


class Alone(ViscriptError):
    """This host belongs to no cluster."""


class Book:
    """Opened once by the daemon: `await book.open()`."""

    def __init__(self, memory: Memory, identity: Identity, cluster_key: Path) -> None:
        self.identity = identity
        self.roster: Roster | None = None
        self._memory = memory
        self._file = cluster_key
        self._cluster_identity: Identity | None = None
        self._kept: Roster | None = None  # as it lies in the store
        self._keeping = asyncio.Lock()
        self._listeners: list[Changed] = []

    async def open(self) -> None:
        """Read what is kept. Raises `StoreError`; records that are none are passed over and said so."""
        pinned = await self._memory.value(PINNED)
        if pinned is None:
            await self._sweep()
            return
        members = _read(await self._memory.records(MEMBERS), read_member)
        cards = _read(await self._memory.records(CARDS), read_card)
        self.roster = self._kept = Roster(PublicKey(pinned)).merge(members, cards)
        self._cluster_identity = self._load_cluster_identity(PublicKey(pinned))

    @property
    def cluster(self) -> PublicKey | None:
        """The cluster this host belongs to; None when it is alone."""
        return self.roster.cluster if self.roster is not None else None

    @property
    def me(self) -> Member | None:
        """This host as the others know it; None when it is alone, or was put out."""
        return None if self.roster is None else self.roster.present.get(self.identity.public_key)

    @property
    def is_founder(self) -> bool:
        """Whether the cluster's secret is kept here."""
        return self._cluster_identity is not None

    def signer(self) -> Identity | None:
        """Who signs here for the cluster: its own key, this host's as an admin, or nobody."""
        if self._cluster_identity is not None:
            return self._cluster_identity
        me = self.me
        return self.identity if me is not None and me.role is Role.ADMIN else None

    def chain(self, key: PublicKey) -> tuple[SignedMember, ...]:
        """The records that make a key a member, from the cluster's key down; none for a stranger."""
        found: list[SignedMember] = []
        roster = self._joined()
        while (member := roster.verdict.get(key)) is not None:
            found.append(roster.slots[(key, member.by)])
            key = member.by
        return tuple(reversed(found)) if key == roster.cluster else ()

    def listen(self, changed: Changed) -> Callable[[], None]:
        """Have `changed` called after every change; the answer ends that."""
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    async def found(self, card: Card, label: str) -> None:
        """Begin a cluster; this host is its first. Raises `InCluster`, `KeyFileError`, `StoreError`."""
        async with self._keeping:
            if self.roster is not None:
                raise InCluster("this host belongs to a cluster already")
            secret = load_or_create(self._file)
            first = Member(
                cluster=secret.public_key,
                key=card.key,
                curve=card.curve,
                label=label,
                role=Role.ADMIN,
                labels=card.labels,
                addresses=card.addresses,
                mesh=card.mesh,
                by=secret.public_key,
            )
            self._cluster_identity = secret
            try:
                await self._begin(secret.public_key, [sign_member(first, secret)])
            except BaseException:
                self._cluster_identity = None
                raise

    async def pin(self, cluster: PublicKey, records: Iterable[SignedMember]) -> None:
        """Join a cluster that these records make this host a member of. Raises `InCluster`, `BadRecord`."""
        async with self._keeping:
            if self.roster is not None:
                raise InCluster("this host belongs to a cluster already")
            roster = Roster(cluster).merge(records)
            if self.identity.public_key not in roster.present:
                raise BadRecord("these records do not make this host a member")
            await self._begin(cluster, roster.slots.values())

    async def take(self, members: Iterable[SignedMember] = (), cards: Iterable[SignedCard] = ()) -> bool:
        """Add records; whether one of them was news. Raises `Alone`, `StoreError`.

        They count from now on even when they cannot be kept: `settle` keeps them later.
        """
        before = self._joined()
        after = before.merge(members, cards).trimmed()
        if after.digest == before.digest:
            return False
        self.roster = after
        self._tell()
        await self.settle()
        return True

    async def settle(self) -> None:
        """Keep what counts and is not kept yet, if there is any. Raises `StoreError`."""
        async with self._keeping:  # one after the other: each writes what is missing since the last
            roster, kept = self.roster, self._kept
            if roster is not None and kept is not None and kept.digest != roster.digest:
                await self._keep(kept, roster)
                self._kept = roster

    async def leave(self) -> None:
        """Forget the cluster, its records and, on the founder, its secret. Raises `Alone`, `StoreError`."""
        roster = self._joined()
        founder, self._cluster_identity = self.is_founder, None
        self.roster = None
        self._tell()
        async with self._keeping:  # before anything of a next cluster is written
            kept, self._kept = self._kept or roster, None
            await self._memory.forget_value(PINNED)
            await self._keep(kept, Roster(roster.cluster))
            if founder:
                self._file.unlink(missing_ok=True)

    def _joined(self) -> Roster:
        if self.roster is None:
            raise Alone("this host belongs to no cluster; begin one with: host invite")
        return self.roster

    async def _begin(self, cluster: PublicKey, members: Iterable[SignedMember]) -> None:
        """Kept before it counts: a host that crashes now has joined, or has not."""
        empty = Roster(cluster)
        roster = empty.merge(members)
        self.roster = roster  # claims the place: a second one that joins meanwhile is refused
        try:
            await self._keep(empty, roster)
            await self._memory.set_value(PINNED, cluster)
        except BaseException:
            self.roster = None
            raise
        self._kept = roster
        self._tell()

    async def _keep(self, before: Roster, after: Roster) -> None:
        members = _changes(before.slots, after.slots, b"".join)
        cards = _changes(before.cards, after.cards, bytes)
        for kind, (put, drop) in ((MEMBERS, members), (CARDS, cards)):
            if put or drop:
                await self._memory.change_records(kind, put, drop)

    async def _sweep(self) -> None:
        """Records without a cluster: of a host that died while it joined, or left."""
        for kind in (MEMBERS, CARDS):
            left = await self._memory.records(kind)
            if left:
                await self._memory.change_records(kind, {}, left.keys())

    def _tell(self) -> None:
        for changed in tuple(self._listeners):
            try:
                changed(self)
            except Exception:  # one who listens must not keep the others from hearing of it
                log.exception("a listener of the roster failed")

    def _load_cluster_identity(self, cluster: PublicKey) -> Identity | None:
        try:
            found = load(self._file)
        except FileNotFoundError:
            return None
        except KeyFileError as exc:
            log.error("the cluster's key cannot be used, this host signs nothing by it: %s", exc)
            return None
        if found.public_key != cluster:
            log.error("%s is the key of another cluster; this host signs nothing by it", self._file)
            return None
        return found


def _changes(
    before: Mapping[P, Signed[B]], after: Mapping[P, Signed[B]], row: Callable[[P], bytes]
) -> tuple[dict[bytes, bytes], set[bytes]]:
    """What to write and what to drop, by row, with the records as they came."""
    put = {
        row(place): one.record
        for place, one in after.items()
        if (old := before.get(place)) is not one and (old is None or old.record != one.record)
    }
    return put, {row(place) for place in before.keys() - after.keys()}


def _read(records: Mapping[bytes, bytes], reader: Callable[[bytes], Signed[B]]) -> list[Signed[B]]:
    found: list[Signed[B]] = []
    for record in records.values():
        try:
            found.append(reader(record))
        except BadRecord as exc:
            log.error("a record of the roster is damaged, and passed over: %s", exc)
    return found
