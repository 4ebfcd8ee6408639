"""Runs one command: argv in, text and an exit code out; the same in every mode.

The door runs commands with the daemon as `world`; a client may run verbs that need no daemon
with `world=None`. No exception leaves `run` except cancellation and `ReaderGoneError`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from viscript.cluster.audit.recording import is_audited, record_refusal, recorded
from viscript.cluster.far.route import route
from viscript.errors import ExitCode, VerbError
from viscript.render.formats import DATA_FORMATS, data_text, error_data, error_text, outcome_pieces
from viscript.render.text import clean, to_ascii
from viscript.render.writer import PIECE, FormatWriter, ReaderGoneError, Sink
from viscript.verbs.helping import verb_page
from viscript.verbs.naming import called
from viscript.verbs.parse import Parsed, UnknownVerbError, parse, wanted_format
from viscript.verbs.reach import absent_plugins
from viscript.verbs.roles import check_role, is_far
from viscript.verbs.table import Attach, Call, Desk, Format, Handler, NoDesk, Outcome, Role, Table, Terminal
from viscript.verbs.turns import turns

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a command runs in."""

    table: Table
    world: Any  # Any: viscript.supervisor.api.World, or None without a daemon
    sink: Sink
    terminal: Terminal = field(default_factory=Terminal)
    cwd: str = "/"
    mode: Literal["repl", "oneshot", "script", "piped", "api"] = "oneshot"
    actor: str = "local"  # or the key of the host that asks
    role: Role = Role.ADMIN
    environ: Mapping[str, str] = field(default_factory=dict)
    desk: Desk = field(default_factory=NoDesk)
    covered: bool = False  # by the audit's entry of the verb it is part of
    called: str = ""  # what the caller calls this host, where that is another
    default_host: str = ""  # where commands run that name none


@dataclass(frozen=True)
class Ran:
    """How a command ended, or what the caller has to do now: view an app, run a program."""

    code: ExitCode
    attach: Attach | None = None
    program: tuple[str, ...] = ()
    view: Any = None  # Any: viscript.cluster.far.viewing.FarView, to be shown and closed


async def run(argv: Sequence[str], context: Context) -> Ran:
    """Parse, run, render; every fault becomes one line and a code."""
    with called(context.called):
        return await _run(argv, context)


async def _run(argv: Sequence[str], context: Context) -> Ran:
    fmt = wanted_format(argv)
    try:
        parsed = _parsed(argv, context)
        fmt = fmt if any(arg.kind == "command" for arg in parsed.verb.args) else parsed.format
        found = await _elsewhere(argv, parsed, context)
        if isinstance(found, Ran):
            return found
        outcome = found or await _answer(argv, parsed, context)
        _check_program(parsed, outcome, context)
        await _tell(parsed, outcome, context)
    except VerbError as exc:
        await tell_error(exc, fmt, context)
        return Ran(exc.code)
    except ReaderGoneError:
        raise
    except Exception as exc:  # a bug in one verb must not end the daemon or show a traceback
        log.exception("verb failed argv0=%s", argv[0] if argv else "")
        what = f"failed inside viscript ({type(exc).__name__}: {exc})"
        text = f"{argv[0] if argv else 'viscript'}: {what}; the daemon's log has more"
        await tell_error(VerbError(ExitCode.FAILED, text), fmt, context)
        return Ran(ExitCode.FAILED)
    return Ran(outcome.code, outcome.attach, outcome.program)


def _parsed(argv: Sequence[str], context: Context) -> Parsed:
    """The verb and its arguments; an unknown verb may be a broken plugin's, so those are named."""
    try:
        return parse(context.table, argv)
    except UnknownVerbError as exc:
        broken = absent_plugins(context.world) if context.world is not None else ""
        if not broken:
            raise
        text = f"{exc.text}; {broken}"
        raise VerbError(exc.code, text, detail=exc.detail, suggestions=exc.suggestions) from exc


async def _elsewhere(argv: Sequence[str], parsed: Parsed, context: Context) -> Ran | Outcome | None:
    """What other hosts answered; None where the command does not lead to any. Raises `VerbError`."""
    if context.world is None:
        return None
    far = context.world.far
    hosts = far.hosts if far is not None else list
    way = route(parsed, argv, hosts, label=context.world.facts().label, default=context.default_host)
    if way is None:
        return None
    if is_far(context.actor):
        text = "a host does not pass on what others ask of it: ask the other host from your own"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    from viscript.cluster.far.carry import carry  # late: it needs this module, and most commands stay here

    return await carry(way, parsed, context, far, argv)


async def _answer(argv: Sequence[str], parsed: Parsed, context: Context) -> Outcome:
    verb = parsed.verb
    if parsed.help:
        return Outcome(data=verb_page(verb), text=verb_page(verb).text)
    await _check_role(argv, parsed, context)
    if verb.handler is None:
        raise VerbError(
            ExitCode.USAGE,
            f"{verb.name} works at the prompt or as a command of its own (`viscript {verb.name}`), not here",
        )
    return await done_here(argv, parsed, context, verb.handler)


async def done_here(argv: Sequence[str], parsed: Parsed, context: Context, handler: Handler) -> Outcome:
    """What a handler makes of it, written down in this host's audit if it changes something."""
    audit = None if context.covered or context.world is None else context.world.audit
    if audit is None or not is_audited(parsed):
        return await handler(call_of(parsed, context, covered=context.covered))
    host = context.world.facts().label
    async with recorded(audit, argv, parsed, actor=context.actor, host=host) as note:
        outcome = await handler(call_of(parsed, context, covered=True))
        note.code = outcome.code
        return outcome


async def _check_role(argv: Sequence[str], parsed: Parsed, context: Context) -> None:
    """Let pass who may; that somebody may not is written down. Raises `VerbError`."""
    try:
        check_role(parsed.verb, parsed.args, role=context.role, actor=context.actor)
    except VerbError as exc:
        if context.world is not None and context.world.audit is not None:
            await record_refusal(
                context.world.audit,
                argv,
                parsed,
                actor=context.actor,
                host=context.world.facts().label,
                code=exc.code,
            )
        raise


def call_of(parsed: Parsed, context: Context, *, covered: bool) -> Call:
    """The use of the verb that was parsed."""
    return Call(
        verb=parsed.verb,
        args=parsed.args,
        world=context.world,
        writer=FormatWriter(context.sink, parsed.verb, parsed.format, context.terminal),
        terminal=context.terminal,
        format=parsed.format,
        cwd=context.cwd,
        mode=context.mode,
        actor=context.actor,
        role=context.role,
        environ=dict(context.environ),
        desk=context.desk,
        covered=covered,
    )


def _check_program(parsed: Parsed, outcome: Outcome, context: Context) -> None:
    """A program takes the caller's descriptors, which a script or another verb has use for."""
    if outcome.program and context.mode not in ("oneshot", "repl"):
        name = parsed.verb.name
        raise VerbError(ExitCode.USAGE, f"{name} needs a command of its own: `viscript {name} ...`")


async def _tell(parsed: Parsed, outcome: Outcome, context: Context) -> None:
    if outcome.data is not None or outcome.text is not None:
        for count, text in enumerate(outcome_pieces(parsed.verb, outcome, parsed.format, context.terminal)):
            if count:
                await turns().wait()
            for at in range(0, len(text), PIECE):
                await context.sink.out(text[at : at + PIECE])
    for note in outcome.notes:
        line = f"{clean(note)}\n"
        await context.sink.err(to_ascii(line) if context.terminal.ascii else line)


async def tell_error(error: VerbError, fmt: Format, context: Context) -> None:
    """The sentence on stderr and, in the data formats, the error on stdout."""
    if fmt in DATA_FORMATS:
        await context.sink.out(data_text(error_data(error), fmt, context.terminal))
    await context.sink.err(error_text(error, context.terminal))
