"""logs: what apps wrote, and what they write."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.logs.bell import Bell
from viscript.logs.follower import Cursor
from viscript.logs.lines import Line
from viscript.logs.reader import LogReader, follow_many, read_many
from viscript.logs.search import LINE_BUDGET_S, BadExpression, Search
from viscript.render.text import clean, tame
from viscript.render.writer import PIECE
from viscript.supervisor.api import Instance
from viscript.verbs.naming import tag
from viscript.verbs.reach import daemon, pick
from viscript.verbs.results import LogRow
from viscript.verbs.roles import is_far
from viscript.verbs.table import Arg, Call, Option, Outcome, Verb
from viscript.verbs.turns import turns

LINES: Final = 50
_TURN_S: Final = 0.001  # of work between two turns of the event loop
FAR_BUDGET_S: Final = 0.004  # of processor time for each line that another host has searched
FAR_LINES_MAX: Final = 20_000  # that another host has kept for it, in one document or by a search
_COLOURS: Final = (36, 33, 35, 32, 34)

Tagged = tuple[int, Line]


async def logs(call: Call) -> Outcome:
    """The last lines of some apps; with `-f` all later ones too."""
    selection = pick(call, call.args["targets"] or ("all",), ended=bool(call.args["targets"]))
    items = {item.seq: item for item in selection.instances if item.log_dir}
    stream = "err" if call.args["err"] else "all"
    readers = {seq: LogReader(item.log_dir, stream) for seq, item in items.items()}  # type: ignore[arg-type]  # one of its literals
    wanted = _filter(call)
    show = _Show(call, items, prefix=not selection.single)
    async with turns().thread:
        cursors = await asyncio.to_thread(_starts, call, readers)
    if call.args["follow"]:
        await show.stream(_kept(_follow(call, readers, cursors), wanted))
        return Outcome()
    lines = _kept(_each(read_many(readers, cursors)), wanted)
    if call.args["grep"] is not None and call.args["lines"] is not None:
        count = call.args["lines"]
        kept = lines if count <= FAR_LINES_MAX else _bounded(call, lines)
        lines = _kept(_each(await _last_of(kept, count)), _any)
    if call.format in ("json", "yaml"):
        return Outcome(data=[show.row(*one) async for one in _bounded(call, lines)])
    await show.stream(lines)
    return Outcome(notes=_merged_note(call, items.values()))


def _merged_note(call: Call, items: Iterable[Instance]) -> tuple[str, ...]:
    merged = [item.name for item in items if item.spec.output.merge]
    if not call.args["err"] or not merged:
        return ()
    return (
        f"{', '.join(merged[:5])}: stderr is merged into the output (`output: {{merge: false}}` parts it)",
    )


def _filter(call: Call) -> Callable[[Line], bool]:
    pattern = call.args["grep"]
    if pattern is None:
        return _any
    try:
        search = Search(pattern, budget_s=FAR_BUDGET_S if is_far(call.actor) else LINE_BUDGET_S)
    except BadExpression as exc:
        raise _bad(exc) from exc
    return lambda line: search.matches(line.raw)


def _any(line: Line) -> bool:
    return True


def _bad(exc: BadExpression) -> VerbError:
    return VerbError(ExitCode.USAGE, f"logs: --grep takes a regular expression: {exc}")


def _starts(call: Call, readers: Mapping[int, LogReader]) -> dict[int, Cursor]:
    """Where to begin: at a time, before the last lines, or at the very beginning to search all."""
    count, since = call.args["lines"], call.args["since"]
    if since is not None:
        oldest = daemon(call).now() - since
        starts = {seq: reader.at_time(oldest) for seq, reader in readers.items()}
        if count is None or call.args["grep"] is not None:
            return starts
        return {seq: _later(starts[seq], _last(reader, count)) for seq, reader in readers.items()}
    if call.args["grep"] is not None and not call.args["follow"]:
        return {seq: reader.oldest() for seq, reader in readers.items()}
    count = LINES if count is None else count
    return {seq: _last(reader, count) for seq, reader in readers.items()}


def _last(reader: LogReader, count: int) -> Cursor:
    return reader.before_last(count) if count else reader.newest()


def _later(one: Cursor, other: Cursor) -> Cursor:
    return Cursor(max(one.out, other.out), max(one.err, other.err))


async def _each(lines: Iterable[Tagged]) -> AsyncIterator[Tagged]:
    for one in lines:
        yield one


async def _bounded(call: Call, lines: AsyncIterator[Tagged]) -> AsyncIterator[Tagged]:
    """Those that are kept here before any is shown: of what another host asks for there is an end."""
    most = FAR_LINES_MAX if is_far(call.actor) else None
    count = 0
    async for one in lines:
        count += 1
        if most is not None and count > most:
            text = (
                f"logs: more than {most} lines at once are not for another host; -o jsonl, without --grep, is"
            )
            raise VerbError(ExitCode.FAILED, text)
        yield one


async def _last_of(lines: AsyncIterator[Tagged], count: int) -> Iterable[Tagged]:
    last: deque[Tagged] = deque(maxlen=count)
    async for one in lines:
        last.append(one)
    return last


async def _follow(
    call: Call, readers: Mapping[int, LogReader], cursors: Mapping[int, Cursor]
) -> AsyncIterator[Tagged]:
    bell = Bell()
    with ExitStack() as stack:
        for seq in readers:
            stack.callback(daemon(call).supervisor.output_changed(seq, bell.ring))
        async for one in follow_many(readers, cursors, bell=bell):
            yield one


async def _kept(lines: AsyncIterator[Tagged], wanted: Callable[[Line], bool]) -> AsyncIterator[Tagged]:
    """Those that are wanted; however many are not, the daemon's other work gets its turns."""
    await turns().wait()
    turn_ends = time.monotonic() + _TURN_S
    async for one in lines:
        try:
            if wanted(one[1]):
                yield one
        except BadExpression as exc:
            raise _bad(exc) from exc
        if time.monotonic() >= turn_ends:
            await turns().wait()
            turn_ends = time.monotonic() + _TURN_S


class _Show:
    """Writes lines as the caller wants them."""

    def __init__(self, call: Call, items: Mapping[int, Instance], *, prefix: bool) -> None:
        self._call = call
        self._items = items
        room = max((len(item.name) for item in items.values()), default=0)
        self._prefixes = {seq: self._prefix(item, room) if prefix else "" for seq, item in items.items()}

    def _prefix(self, item: Instance, room: int) -> str:
        text = f"{tag(item.seq)} {clean(item.name).ljust(room)} | "
        if not self._call.terminal.colour:
            return text
        return f"\x1b[{_COLOURS[item.seq % len(_COLOURS)]}m{text}\x1b[0m"

    async def stream(self, lines: AsyncIterator[Tagged]) -> None:
        """Write each line; what comes in one turn goes out together."""
        if self._call.format not in ("table", "wide"):
            async for seq, line in lines:
                await self._call.writer.row(self.row(seq, line))
            return
        following = self._call.args["follow"]
        waiting: list[str] = []
        size = 0
        async for seq, line in lines:
            waiting.append(self._text(seq, line))
            size += len(waiting[-1])
            if following or size >= PIECE:
                await self._call.writer.out("".join(waiting))
                waiting, size = [], 0
        await self._call.writer.out("".join(waiting))

    def row(self, seq: int, line: Line) -> LogRow:
        """The line as data."""
        name = self._items[seq].name
        return LogRow(id=seq, name=name, stream=line.stream, time=line.time_ns / 1e9, text=line.text)

    def _text(self, seq: int, line: Line) -> str:
        if self._call.terminal.out:
            return f"{self._prefixes[seq]}{tame(line.text)}\n"
        return self._prefixes[seq] + line.raw.decode(errors="replace") + ("" if line.whole else "\n")


VERBS = (
    Verb(
        name="logs",
        aliases=("log", "l"),
        group="look",
        summary="what apps wrote",
        help=(
            "One target gives its raw lines in order of arrival; several are interleaved by time\n"
            "with a prefix. --grep without -n searches all that is kept."
        ),
        examples=("log 7", "log 7 -f", "log all --since 10m --grep error"),
        args=(Arg(name="targets", kind="target", required=False, many=True, help="all that run"),),
        options=(
            Option(flags=("-f", "--follow"), name="follow", flag=True, help="and all that follows"),
            Option(
                flags=("-n", "--lines"), name="lines", kind="int", at_least=0, metavar="N",
                help=f"how many of the last lines; {LINES}",
            ),
            Option(flags=("--since",), name="since", kind="seconds", metavar="S", help="of the last S"),
            Option(flags=("--err",), name="err", flag=True, help="stderr only"),
            Option(flags=("--grep",), name="grep", metavar="REGEX", help="only lines that match"),
        ),
        result=list[LogRow],
        name_of=lambda row: row.text,
        line_of=lambda row: row.text,
        streams=True,
        handler=logs,
    ),
)  # fmt: skip
