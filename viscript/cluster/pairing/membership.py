"""From a pairing both persons agreed to, to a member: which record is made, and which is taken."""

from __future__ import annotations

import re
from typing import Final

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.book import Book, InCluster
from viscript.cluster.model import HOST_LABEL, BadRecord, Member, SignedMember, read_member, sign_member
from viscript.cluster.pairing.messages import MOST_RECORDS
from viscript.cluster.pairing.side import Other
from viscript.cluster.roster import Roster
from viscript.errors import ExitCode, VerbError

_LABEL: Final = re.compile(HOST_LABEL)
_NO_LABEL: Final = re.compile(r"[^A-Za-z0-9_.\-]+")
LABEL_LENGTH: Final = 63


def label_from(text: str) -> str:
    """A label made of any text, such as a host's name. Pure."""
    plain = _NO_LABEL.sub("-", text).strip("-.")[:LABEL_LENGTH]
    if plain.isdecimal():
        return f"host-{plain}"[:LABEL_LENGTH]
    return plain if _LABEL.match(plain) else "host"


def check_label(text: str) -> str:
    """The label, if it is one. Raises `VerbError` USAGE. Pure."""
    if not _is_label(text):
        raise VerbError(
            ExitCode.USAGE,
            f'"{text}" is no label: at most 63 of letters, digits, "_", "." and "-", and not digits alone',
        )
    return text


def _is_label(text: str) -> bool:
    return _LABEL.match(text) is not None and not text.isdecimal()


def label_fault(roster: Roster, key: PublicKey | None, label: str) -> str:
    """Why this key, or None for one not known yet, cannot have that label; empty when it can. Pure."""
    if not _is_label(label):
        return f'"{label}" is no label of a host'
    holder = next(
        (one for one in roster.present.values() if one.label.lower() == label.lower() and one.key != key),
        None,
    )
    return "" if holder is None else f'a host named "{holder.label}" is in this cluster already'


def may_invite(book: Book) -> Identity:
    """Who signs for the cluster here. Raises `VerbError` where nobody does."""
    signer = book.signer()
    if signer is None:
        me = book.me
        state = f"its role is {me.role}" if me is not None else "it was put out of its cluster"
        raise VerbError(
            ExitCode.NOT_PERMITTED, f"this host may not let others in: {state}; an admin of the cluster may"
        )
    return signer


async def admit(book: Book, other: Other, label: str) -> tuple[bytes, ...]:
    """Make the other side a member; the records that prove it. Raises `VerbError`, `StoreError`."""
    signer, roster = may_invite(book), book.roster
    assert roster is not None, "who signs has a cluster"
    fault = label_fault(roster, other.key, label)
    if fault:
        raise VerbError(ExitCode.FAILED, fault)
    if not roster.may_change(signer.public_key, other.key):
        text = "it is an admin that this host cannot change; pair it with the host that founded the cluster"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    await book.take([_record(roster, signer, other, label)], [other.card])
    keys = (book.identity.public_key, other.key)
    records = dict.fromkeys(one.record for key in keys for one in book.chain(key))
    if not 0 < len(records) <= MOST_RECORDS:
        raise VerbError(ExitCode.FAILED, f"{len(records)} records lead to the new member, which is too many")
    return tuple(records)


def _record(roster: Roster, signer: Identity, other: Other, label: str) -> SignedMember:
    card = other.card.body
    member = Member(
        cluster=roster.cluster,
        key=other.key,
        curve=card.curve,
        label=label,
        role=other.role,
        labels=card.labels,
        addresses=card.addresses,
        mesh=card.mesh,
        version=roster.next_version(other.key),
        by=signer.public_key,
    )
    return sign_member(member, signer)


async def receive(book: Book, other: Other, records: tuple[bytes, ...]) -> Member:
    """Become a member by these records, as it was shown. Raises `VerbError`, `StoreError`."""
    try:
        members = [read_member(record) for record in records]
        check_shown(book.identity.public_key, other, members)
        assert other.cluster is not None, "an inviter offers a cluster"
        await book.pin(other.cluster, members)
    except (BadRecord, InCluster) as exc:
        raise VerbError(ExitCode.FAILED, f"what was given does not make this host a member: {exc}") from exc
    await book.take(cards=[other.card])
    me = book.me
    assert me is not None, "the book took it"
    return me


def check_shown(key: PublicKey, other: Other, members: list[SignedMember]) -> None:
    """Refuse what the person did not see. Raises `BadRecord`. Pure."""
    mine = [one.body for one in members if one.body.key == key]
    if any(one.body.cluster != other.cluster for one in members):
        raise BadRecord("the records are of another cluster than was shown")
    if len(mine) != 1 or mine[0].role is not other.role or mine[0].gone:
        raise BadRecord("the records give this host another role than was shown")
    if not any(one.body.key == other.key for one in members):
        raise BadRecord("the records do not name the host that was shown")
