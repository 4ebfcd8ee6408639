"""host forget, host leave: who belongs to the cluster no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viscript.errors import ExitCode, VerbError
from viscript.verbs.reach import daemon
from viscript.verbs.results import HostRef, LeaveRow
from viscript.verbs.table import Arg, Call, Option, Outcome, Role, Verb

if TYPE_CHECKING:
    from viscript.cluster.book import Book


def _book(call: Call) -> Book:
    found: Book | None = daemon(call).book
    if found is None:
        raise VerbError(ExitCode.FAILED, "this daemon keeps no roster")
    return found


async def forget(call: Call) -> Outcome:
    """Put a host out of the cluster; its links end at once."""
    from viscript.cluster.revoking import forget as put_out

    gone = await put_out(_book(call), call.args["host"])
    row = HostRef(label=gone.label, public_key=gone.key.hex())
    return Outcome(data=row, text=f"{row.label} is out of the cluster; nothing it says is heard any more")


async def leave(call: Call) -> Outcome:
    """Forget the cluster on this host. The others list it until one of them forgets it."""
    book = _book(call)
    if book.roster is None:
        raise VerbError(ExitCode.FAILED, "this host belongs to no cluster")
    others = [one for key, one in book.roster.present.items() if key != book.identity.public_key]
    if book.is_founder and others and not call.args["force"]:
        many = "1 other host is" if len(others) == 1 else f"{len(others)} other hosts are"
        text = (
            f"this host founded the cluster and keeps its key, and {many} in it;"
            " only admins among them could manage it then. --force leaves all the same"
        )
        raise VerbError(ExitCode.FAILED, text)
    row = LeaveRow(cluster=book.roster.cluster.hex(), hosts=len(others))
    await book.leave()
    for one in daemon(call).pairing.inviting.invitations.live():
        daemon(call).pairing.inviting.withdraw(one, "the host that invited has left the cluster")
    known = "; the others list it until one of them says: host forget" if others else ""
    return Outcome(data=row, text=f"this host belongs to no cluster now{known}")


VERBS = (
    Verb(
        name="host forget",
        group="hosts",
        summary="put a host out of the cluster; its links end at once",
        examples=("host forget beta",),
        args=(Arg(name="host", kind="host", help="its label, or 8 digits or more of its key"),),
        result=HostRef,
        name_of=lambda row: row.label,
        role=Role.ADMIN,
        handler=forget,
    ),
    Verb(
        name="host leave",
        group="hosts",
        summary="leave the cluster: this host forgets it",
        options=(Option(flags=("--force",), name="force", flag=True, help="also as the one who founded it"),),
        result=LeaveRow,
        name_of=lambda row: row.cluster,
        role=Role.ADMIN,
        handler=leave,
    ),
)
