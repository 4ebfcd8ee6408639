"""The audit around a verb: what is written before it runs, and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viscript.cluster.audit.entry import Said
from viscript.cluster.audit.words import kept_words, plain_words, target_text
from viscript.errors import ExitCode, VerbError
from viscript.verbs.parse import Parsed
from viscript.verbs.roles import is_far, needed_role
from viscript.verbs.table import Role

if TYPE_CHECKING:
    from viscript.cluster.audit.book import Audit


@dataclass
class Note:
    """How the verb ended, filled in by who runs it."""

    code: int = ExitCode.FAILED


def is_audited(parsed: Parsed) -> bool:
    """Whether this use of a verb changes something, so that it is written down."""
    return needed_role(parsed.verb, parsed.args) is not Role.VIEW


@asynccontextmanager
async def recorded(
    audit: Audit, argv: Sequence[str], parsed: Parsed, *, actor: str, host: str
) -> AsyncIterator[Note]:
    """Write what is asked before the block, and its code behind it, however it ends."""
    async with _noted(audit, _said(audit, argv, parsed, actor, host)) as note:
        yield note


@asynccontextmanager
async def recorded_abroad(
    audit: Audit, argv: Sequence[str], parsed: Parsed, *, target: str, host: str
) -> AsyncIterator[Note]:
    """The same of a command that this host has another cluster do; `target` is that cluster's key."""
    said = Said(
        kind="asked",
        time=0.0,
        actor=audit.key,
        host=host,
        verb=parsed.verb.name,
        role=needed_role(parsed.verb, parsed.args).value,
        argv=plain_words(argv),
        target=target,
    )
    async with _noted(audit, said) as note:
        yield note


@asynccontextmanager
async def _noted(audit: Audit, said: Said) -> AsyncIterator[Note]:
    note = Note()
    asked = await audit.asked(said)
    try:
        yield note
    except VerbError as exc:
        note.code = exc.code
        raise
    except asyncio.CancelledError:
        note.code = ExitCode.INTERRUPTED
        raise
    finally:
        audit.done(asked, int(note.code))


async def record_refusal(
    audit: Audit, argv: Sequence[str], parsed: Parsed, *, actor: str, host: str, code: int
) -> None:
    """Write that the caller may not."""
    await audit.refused(_said(audit, argv, parsed, actor, host), code)


def _said(audit: Audit, argv: Sequence[str], parsed: Parsed, actor: str, host: str) -> Said:
    return Said(
        kind="asked",
        time=0.0,
        actor=actor if is_far(actor) else audit.key,
        host=host,
        verb=parsed.verb.name,
        role=needed_role(parsed.verb, parsed.args).value,
        argv=kept_words(argv, parsed),
        target=target_text(parsed),
    )
