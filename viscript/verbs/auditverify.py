"""audit verify: whether the record of what was done is whole, also by what others have of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viscript.errors import ExitCode
from viscript.verbs.auditing import book_of, copies_of
from viscript.verbs.reach import daemon
from viscript.verbs.results import AuditVerdict
from viscript.verbs.table import Call, Outcome, Verb

if TYPE_CHECKING:
    from viscript.cluster.audit.witnesses import Findings, Witnesses


async def verify(call: Call) -> Outcome:
    """Check all entries; exit 1 when one is not what this host wrote, or others have it otherwise."""
    found = await book_of(call).verify()
    if found.number is not None:
        row = AuditVerdict(entries=found.entries, ok=False, broken=found.number, reason=found.reason)
        return Outcome(data=row, text=_broken(row), code=ExitCode.FAILED)
    witnesses: Witnesses | None = daemon(call).witnesses
    if witnesses is None:
        row = AuditVerdict(entries=found.entries, ok=True)
        return Outcome(data=row, text=_whole(row))
    return _judged(found.entries, await witnesses.heard())


def _judged(entries: int, heard: Findings) -> Outcome:
    wrong = heard.difference
    row = AuditVerdict(
        entries=entries,
        ok=wrong is None and not heard.faults,
        broken=None if wrong is None else wrong.number,
        reason="" if wrong is None else wrong.reason,
        copied=heard.copied,
        heard=heard.heard,
        faults=heard.faults,
    )
    notes = (f"the copies in the store cannot be read now: {heard.away}",) if heard.away else ()
    text = _whole(row) if wrong is None else f"entry {row.broken} is not as others have it: {row.reason}"
    code = ExitCode.DONE if row.ok else ExitCode.FAILED
    return Outcome(data=row, text=text, code=code, notes=(*heard.faults, *notes))


def _broken(row: AuditVerdict) -> str:
    before = f"the {row.entries} before it are right"
    return f"entry {row.broken} is not what this host wrote: {row.reason}; {before}"


def _whole(row: AuditVerdict) -> str:
    text = f"{row.entries} entries, signed by this host and in one chain"
    if row.copied is not None:
        text += f"; {row.copied} of them as copied to the store"
    if row.heard:
        text += f"; {row.heard} other {'host knows' if row.heard == 1 else 'hosts know'} its end"
    return text


async def verify_copies(call: Call, key: bytes, label: str, why: str) -> Outcome | None:
    """Of a host that is away: whether its copies are its own, and in one chain."""
    copies = await copies_of(call, key)
    if copies is None:
        return None
    row = AuditVerdict(
        entries=len(copies.entries),
        ok=not copies.faults,
        copied=len(copies.entries),
        faults=tuple(copies.faults),
    )
    text = (
        f"{row.entries} copied entries of {label}, signed by it and in one chain, up to entry {copies.last}"
    )
    if not row.ok:
        text = f"{row.entries} copied entries of {label} are signed by it; not all is right"
    return Outcome(data=row, text=text, code=ExitCode.UNREACHABLE, notes=(why, *copies.faults))


VERBS = (
    Verb(
        name="audit verify",
        group="hosts",
        summary="check that the audit is as this host wrote it; exit 1 when it is not",
        help=(
            "Checks each signature and the chain; then the copies in the store that hosts share, and what\n"
            "some other hosts keep of its end: an end that was cut off, or an old database, is found too.\n"
            "Of a host that is away, `audit verify -H HOST` checks the copies (exit 4)."
        ),
        result=AuditVerdict,
        name_of=lambda row: str(row.entries),
        handler=verify,
        instead=verify_copies,
    ),
)
