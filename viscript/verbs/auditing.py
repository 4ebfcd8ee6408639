"""audit, audit verify: who had this host do what, and whether the record of it is whole."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from viscript.errors import ExitCode, VerbError
from viscript.render.human import clock, span
from viscript.verbs.reach import daemon
from viscript.verbs.results import AuditRow, AuditVerdict
from viscript.verbs.table import Call, Column, Option, Outcome, Style, Verb

if TYPE_CHECKING:
    from viscript.cluster.audit.book import Audit
    from viscript.cluster.audit.entry import Entry

COUNT = 20
_SHOWN_OF_A_KEY = 8
_STYLES: dict[str, Style] = {"done": "good", "failed": "bad", "refused": "bad", "running": "busy"}


async def audit(call: Call) -> Outcome:
    """The newest entries, oldest of them first."""
    since, wanted = call.args["since"], call.args["actor"]
    oldest = daemon(call).now() - since if since is not None else None
    count = call.args["count"] if call.args["count"] is not None else None if since is not None else COUNT
    book = _book(call)
    rows: list[AuditRow] = []
    async for row in _commands(book):
        if (count is not None and len(rows) >= count) or (oldest is not None and row.time < oldest):
            break
        if wanted is None or row.actor.startswith(_key_of(book, wanted)):
            rows.append(row)
    return Outcome(data=rows[::-1])


def _book(call: Call) -> Audit:
    found: Audit | None = daemon(call).audit
    if found is None:
        raise VerbError(ExitCode.FAILED, "nothing is written down here")
    return found


def _key_of(book: Audit, wanted: str) -> str:
    return book.key if wanted == "local" else wanted.lower()


async def _commands(book: Audit) -> AsyncIterator[AuditRow]:
    """A row a command, newest first: how it ended stands behind what was asked."""
    ends: dict[str, Entry] = {}
    async for entry in book.newest_first():
        if entry.kind == "done":
            ends[entry.ulid] = entry
        elif entry.kind in ("asked", "refused"):
            yield _row(entry, ends.pop(entry.ulid, None), running=book.is_running(entry.ulid), own=book.key)


def _row(entry: Entry, end: Entry | None, *, running: bool, own: str) -> AuditRow:
    code = entry.code if end is None else end.code
    state = (
        "refused" if entry.kind == "refused"
        else "done" if code == ExitCode.DONE
        else "failed" if end is not None
        else "running" if running
        else "unfinished"
    )  # fmt: skip
    return AuditRow(
        ulid=entry.ulid,
        time=entry.time,
        actor=entry.actor,
        local=entry.actor == own,
        host=entry.host,
        verb=entry.verb,
        role=entry.role,
        argv=entry.argv,
        target=entry.target,
        state=state,
        code=code,
        seconds=None if end is None else end.seconds,
    )


async def verify(call: Call) -> Outcome:
    """Check all entries; exit 1 when one is not what this host wrote."""
    found = await _book(call).verify()
    row = AuditVerdict(
        entries=found.entries, ok=found.number is None, broken=found.number, reason=found.reason
    )
    if row.ok:
        return Outcome(data=row, text=f"{row.entries} entries, signed by this host and in one chain")
    text = (
        f"entry {row.broken} is not what this host wrote: {row.reason}; the {row.entries} before it are right"
    )
    return Outcome(data=row, text=text, code=ExitCode.FAILED)


def _result(row: Any) -> str:  # Any: rows reach columns untyped
    return f"exit {row.code}" if row.state in ("failed", "refused") else str(row.state)


VERBS = (
    Verb(
        name="audit",
        group="hosts",
        summary="who had this host do what, and what came of it",
        help=(
            "Every command that changes something is written down before it runs, and its exit code after.\n"
            "`unfinished`: the daemon ended while it ran. Secrets and the text of letters are not kept."
        ),
        examples=("audit", "audit --since 1h", "audit --actor 3f2a -n 5 -o json", "audit verify"),
        options=(
            Option(
                flags=("-n", "--count"), name="count", kind="int", at_least=0, metavar="N",
                help=f"how many of the newest; {COUNT}",
            ),
            Option(flags=("--since",), name="since", kind="seconds", metavar="S", help="of the last S"),
            Option(
                flags=("--actor",), name="actor", metavar="KEY",
                help="only what this key asked for (its first digits), or `local`",
            ),
        ),
        result=list[AuditRow],
        columns=(
            Column(title="time", text=lambda row: clock(row.time)),
            Column(title="by", text=lambda row: "local" if row.local else row.actor[:_SHOWN_OF_A_KEY]),
            Column(title="command", text=lambda row: shlex.join(row.argv), shrink=True),
            Column(title="result", text=_result, style=lambda row: _STYLES.get(row.state)),
            Column(title="took", text=lambda row: span(row.seconds), right=True),
            Column(title="target", text=lambda row: row.target, wide=True),
            Column(title="role", text=lambda row: row.role, wide=True),
            Column(title="ulid", text=lambda row: row.ulid, wide=True),
        ),
        name_of=lambda row: row.ulid,
        handler=audit,
    ),
    Verb(
        name="audit verify",
        group="hosts",
        summary="check that the audit is as this host wrote it; exit 1 when it is not",
        result=AuditVerdict,
        name_of=lambda row: str(row.entries),
        handler=verify,
    ),
)  # fmt: skip
