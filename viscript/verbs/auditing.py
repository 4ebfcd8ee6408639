"""audit: who had this host do what, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from signal_bus.ids import PublicKey
from viscript.errors import ExitCode, VerbError
from viscript.render.human import clock, span
from viscript.statestore.errors import StateStoreError
from viscript.supervisor.api import World
from viscript.verbs.reach import daemon
from viscript.verbs.results import AuditRow
from viscript.verbs.table import Call, Column, Option, Outcome, Style, Verb

if TYPE_CHECKING:
    from viscript.cluster.audit.book import Audit
    from viscript.cluster.audit.copies import Copies
    from viscript.cluster.audit.entry import Entry
    from viscript.cluster.audit.witnesses import Witnesses

COUNT = 20
_SHOWN_OF_A_KEY = 8
_STYLES: dict[str, Style] = {"done": "good", "failed": "bad", "refused": "bad", "running": "busy"}


async def audit(call: Call) -> Outcome:
    """The newest entries, oldest of them first."""
    if call.args["copies"] is not None:
        return await _of_copies(call, call.args["copies"])
    book = book_of(call)
    commands = _commands(book.newest_first(), own=book.key, running=book.is_running)
    rows = [row async for row in _chosen(call, commands, local=book.key)]
    return Outcome(data=rows[::-1])


async def _chosen(call: Call, commands: AsyncIterator[AuditRow], *, local: str) -> AsyncIterator[AuditRow]:
    """Those that the caller asked for, newest first."""
    since, actor = call.args["since"], call.args["actor"]
    oldest = daemon(call).now() - since if since is not None else None
    left = call.args["count"] if call.args["count"] is not None else None if since is not None else COUNT
    wanted = local if actor == "local" else (actor or "").lower()
    labels = labels_of(daemon(call))
    async for row in commands:
        if left == 0 or (oldest is not None and row.time < oldest):
            return
        label = labels.get(row.actor, "")
        if row.actor.startswith(wanted) or (label and label == actor):
            left = left - 1 if left is not None else None
            yield msgspec.structs.replace(row, actor_label=label)


async def _of_copies(call: Call, wanted: str) -> Outcome:
    """The newest entries of any host that was ever let in, as the store of the cluster has them."""
    key, label = _member(call, wanted)
    found = await copied(call, key, label, "")
    if found is None:
        text = f"there are no copies of the audit of {label}, or the store of the cluster is away"
        raise VerbError(ExitCode.FAILED, text, suggestions=("store status",))
    return replace(found, code=ExitCode.DONE)


def _member(call: Call, wanted: str) -> tuple[bytes, str]:
    """Key and label of a host, also of one that was put out. Raises `VerbError`."""
    book = daemon(call).book
    members = {} if book is None or book.roster is None else book.roster.verdict
    named = [key for key, one in members.items() if one.label == wanted]
    by_key = [key for key in members if len(wanted) >= _SHOWN_OF_A_KEY and key.hex().startswith(wanted)]
    found = named or by_key
    if len(found) != 1:
        what = (
            f'"{wanted}" means {len(found)} hosts; name one by its key'
            if found
            else (f'no host "{wanted}" was ever known here')
        )
        raise VerbError(ExitCode.USAGE if found else ExitCode.NOT_FOUND, what)
    return bytes(found[0]), members[found[0]].label


def labels_of(world: World) -> dict[str, str]:
    """What hosts are called now by key in hexadecimal, also those that were put out."""
    roster = None if world.book is None else world.book.roster
    return {} if roster is None else {key.hex(): member.label for key, member in roster.verdict.items()}


def book_of(call: Call) -> Audit:
    """The audit of this host. Raises `VerbError` where there is none."""
    found: Audit | None = daemon(call).audit
    if found is None:
        raise VerbError(ExitCode.FAILED, "nothing is written down here")
    return found


async def copies_of(call: Call, key: bytes) -> Copies | None:
    """What the store has of another host's audit; None where it has nothing, or cannot be asked."""
    witnesses: Witnesses | None = daemon(call).witnesses
    if witnesses is None:
        return None
    try:
        copies = await witnesses.copies(PublicKey(key))
    except StateStoreError:
        return None
    return copies if copies is not None and (copies.entries or copies.faults) else None


async def _each(entries: Iterable[Entry]) -> AsyncIterator[Entry]:
    for entry in entries:
        yield entry


async def _commands(
    entries: AsyncIterator[Entry], *, own: str, running: Callable[[str], bool] = lambda ulid: False
) -> AsyncIterator[AuditRow]:
    """A row a command, newest first: how it ended stands behind what was asked."""
    ends: dict[str, Entry] = {}
    async for entry in entries:
        if entry.kind == "done":
            ends[entry.ulid] = entry
        elif entry.kind in ("asked", "refused"):
            yield _row(entry, ends.pop(entry.ulid, None), running=running(entry.ulid), own=own)


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


async def copied(call: Call, key: bytes, label: str, why: str) -> Outcome | None:
    """The newest entries of a host that is away, as the store of the cluster has them."""
    copies = await copies_of(call, key)
    if copies is None:
        return None
    newest = [entry for _, entry in sorted(copies.entries.items(), reverse=True)]
    rows = [row async for row in _chosen(call, _commands(_each(newest), own=key.hex()), local=key.hex())]
    lead = f"{why}; these are" if why else "these are"
    notes = (f"{lead} the copies of {label}'s audit in the store, up to entry {copies.last}",)
    return Outcome(data=rows[::-1], code=ExitCode.UNREACHABLE, notes=(*notes, *copies.faults))


def _by(row: Any) -> str:  # Any: rows reach columns untyped
    return "local" if row.local else row.actor_label or row.actor[:_SHOWN_OF_A_KEY]


def _result(row: Any) -> str:  # Any: rows reach columns untyped
    return f"exit {row.code}" if row.state in ("failed", "refused") else str(row.state)


VERBS = (
    Verb(
        name="audit",
        group="hosts",
        summary="who had this host do what, and what came of it",
        help=(
            "Every command that changes something is written down before it runs, and its exit code after.\n"
            "`unfinished`: the daemon ended while it ran. Secrets and the text of letters are not kept.\n"
            "Of a host that is away, `audit -H HOST` shows the copies in the store the hosts share (exit 4)."
        ),
        examples=("audit", "audit --since 1h", "audit --actor beta -n 5 -o json", "audit verify"),
        options=(
            Option(
                flags=("-n", "--count"), name="count", kind="int", at_least=0, metavar="N",
                help=f"how many of the newest; {COUNT}",
            ),
            Option(flags=("--since",), name="since", kind="seconds", metavar="S", help="of the last S"),
            Option(
                flags=("--copies",), name="copies", kind="host", metavar="HOST",
                help="what the store has of this host's audit, also of one that was put out",
            ),
            Option(
                flags=("--actor",), name="actor", metavar="WHO",
                help="only what this key asked for (its first digits, or the label of its host), or `local`",
            ),
        ),
        result=list[AuditRow],
        columns=(
            Column(title="time", text=lambda row: clock(row.time)),
            Column(title="by", text=_by),
            Column(title="command", text=lambda row: shlex.join(row.argv), shrink=True),
            Column(title="result", text=_result, style=lambda row: _STYLES.get(row.state)),
            Column(title="took", text=lambda row: span(row.seconds), right=True),
            Column(title="target", text=lambda row: row.target, wide=True),
            Column(title="role", text=lambda row: row.role, wide=True),
            Column(title="ulid", text=lambda row: row.ulid, wide=True),
        ),
        name_of=lambda row: row.ulid,
        handler=audit,
        instead=copied,
    ),
)  # fmt: skip
