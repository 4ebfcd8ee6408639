"""Putting a host out of the cluster: the record that says so, and what fell with it signed anew."""

from __future__ import annotations

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.book import Book
from viscript.cluster.model import Member, SignedMember, sign_member
from viscript.cluster.roster import Roster
from viscript.errors import ExitCode, VerbError

KEY_LETTERS = 8  # of a key in hexadecimal, to name a host by it


def find_host(roster: Roster, text: str) -> Member:
    """The host of that label, or whose key begins so. Raises `VerbError` NOT_FOUND or USAGE. Pure."""
    hosts = roster.present.values()
    named = [one for one in hosts if one.label == text]
    wanted = text.lower()
    keyed = [one for one in hosts if len(text) >= KEY_LETTERS and one.key.hex().startswith(wanted)]
    found = named or keyed
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(one.key.hex()[:16] for one in found)
        raise VerbError(ExitCode.USAGE, f'"{text}" means {len(found)} hosts: {keys}; name one by its key')
    known = tuple(sorted(one.label for one in hosts))
    text = f'no host "{text}" in this cluster (there are: {", ".join(known) or "none"})'
    raise VerbError(ExitCode.NOT_FOUND, text)


async def forget(book: Book, text: str) -> Member:
    """Put a host out, for ever unless it is let in again; whom it was. Raises `VerbError`, `StoreError`.

    Links to it end as soon as the roster holds the record. Whoever that host had let in stays: this host
    vouches for them from now on.
    """
    roster = book.roster
    if roster is None:
        raise VerbError(ExitCode.FAILED, "this host belongs to no cluster")
    gone = find_host(roster, text)
    if gone.key == book.identity.public_key:
        raise VerbError(ExitCode.USAGE, "this is the host you speak to; it leaves by: host leave")
    signer = book.signer()
    if signer is None:
        role = "was put out" if book.me is None else f"has the role {book.me.role}"
        by = _name(roster, gone.by)
        text = f"this host {role} and puts nobody out; an admin may put {gone.label} out, whom {by} let in"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    if not roster.may_change(signer.public_key, gone.key):
        raise VerbError(ExitCode.NOT_PERMITTED, _why_not(roster, gone))
    orphans = [_signed(roster, one, signer) for one in roster.orphans(gone.key)]
    await book.take([*orphans, _signed(roster, gone, signer, gone=True)])
    return gone


def _signed(roster: Roster, member: Member, signer: Identity, *, gone: bool = False) -> SignedMember:
    fields = {name: getattr(member, name) for name in member.__struct_fields__}
    changed = {"by": signer.public_key, "version": roster.next_version(member.key), "gone": gone}
    return sign_member(Member(**{**fields, **changed}), signer)


def _why_not(roster: Roster, member: Member) -> str:
    by = _name(roster, member.by)
    return f"this host may not put {member.label} out, whom {by} let in; say it there, or at the founder"


def _name(roster: Roster, key: PublicKey) -> str:
    if key == roster.cluster:
        return "the founder"
    holder = roster.verdict.get(key)
    return holder.label if holder is not None else key.hex()[:16]
