"""A stream of rows from several hosts at once, such as `log -f`: each row as it comes, with whose it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from viscript.cluster.far.asking import Here, away_text, gather, plain
from viscript.cluster.far.conversation import Conversation, hang_up, tty
from viscript.cluster.far.deadlines import CHANGING_S
from viscript.cluster.far.lines import far_line
from viscript.cluster.far.merging import row_type
from viscript.cluster.far.route import Leg, in_form
from viscript.cluster.links.api import HostAway, HostLinks, StreamRefused
from viscript.errors import ExitCode, VerbError
from viscript.render.formats import DATA_FORMATS, data_text
from viscript.verbs.parse import Parsed
from viscript.verbs.table import Format

if TYPE_CHECKING:
    from viscript.verbs.run import Context

LONGEST_ROW = 2 * 1024 * 1024


class _Rows:
    """A sink that gives whole lines of JSON on as rows."""

    def __init__(self, row: Callable[[Any], Awaitable[None]], err: Callable[[str], Awaitable[None]]) -> None:
        self._row = row
        self._err = err
        self._rest = ""

    async def err(self, text: str) -> None:
        """Give on what is said."""
        await self._err(text)

    async def out(self, text: str) -> None:
        """Take text; what is no row is passed over."""
        *whole, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > LONGEST_ROW:
            self._rest = ""
        for line in whole:
            try:
                row = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError):
                continue
            if isinstance(row, dict):
                await self._row(row)


class Following:
    """One command that follows several hosts, until all have ended or the caller leaves."""

    def __init__(self, links: HostLinks, parsed: Parsed, context: Context, here: Here) -> None:
        self._links = links
        self._parsed = parsed
        self._context = context
        self._here = here
        self._kind = row_type(parsed.verb.result)

    async def run(self, legs: Sequence[Leg]) -> ExitCode:
        """Show all rows; 1 when a host could not be followed to its end."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._guarded(in_form(leg, "jsonl", reads=self._parsed.verb.reads)))
                for leg in legs
            ]
        return ExitCode.DONE if all(task.result() for task in tasks) else ExitCode.FAILED

    async def _guarded(self, leg: Leg) -> bool:
        label = leg.host.label

        async def row(found: Any) -> None:  # Any: JSON
            await self._show(label, found)

        async def err(text: str) -> None:
            await self._context.sink.err(text if text.startswith(label) else f"{label}: {text}")

        sink = _Rows(row, err)
        try:
            return not await (self._here(leg, sink) if leg.host.local else self._far(leg, sink))
        except HostAway as exc:
            await err(f"{away_text(leg.host, exc)}\n")
        except (StreamRefused, VerbError) as exc:
            await err(f"{label}: {exc}\n")
        return False

    async def _far(self, leg: Leg, sink: _Rows) -> int:
        stream = await self._links.open(leg.host.key, "door", CHANGING_S)
        try:
            talk = Conversation(stream, leg.host)
            await talk.ask({"argv": leg.argv, "tty": tty(plain(self._context.terminal)), "mode": "api"})
            return await gather(talk, leg.host, sink)
        finally:
            await hang_up(stream)

    async def _show(self, host: str, row: dict[str, Any]) -> None:  # Any: JSON
        context, verb = self._context, self._parsed.verb
        if self._parsed.format in DATA_FORMATS:
            form: Format = "yaml" if self._parsed.format == "yaml" else "jsonl"
            text = data_text({**row, "host": host}, form, context.terminal)
            await context.sink.out(f"---\n{text}" if form == "yaml" else text)
            return
        try:
            known = row if self._kind is None else msgspec.convert(row, self._kind, strict=False)
        except msgspec.ValidationError:  # another version's
            known = row
        await context.sink.out(far_line(verb, host, known, context.terminal))
