"""A plugin's verb runs another verb: the same table, the same parsing, its JSON as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.verbs.run import Context, run
from viscript.verbs.table import Call, Table

MOST_TEXT: Final = 4 * 1024 * 1024


class _Gathered:
    """A sink that keeps stdout; a verb that writes more than a plugin can be given fails."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._left = MOST_TEXT

    async def out(self, text: str) -> None:
        """Keep text. Raises `VerbError` when it is too much."""
        self._left -= len(text)
        if self._left < 0:
            raise VerbError(ExitCode.FAILED, f"the answer is longer than {MOST_TEXT} characters")
        self.pieces.append(text)

    async def err(self, text: str) -> None:
        """Nothing: an error comes as data too."""


async def run_verb(words: Sequence[str], call: Call) -> Any:  # Any: what that verb answers with `-o json`
    """Run the verb as the caller of `call`; its data. Raises `VerbError` as the verb does."""
    if call.world is None:
        raise VerbError(ExitCode.UNREACHABLE, f"{words[0]} needs the daemon")
    table: Table = call.world.table
    sink = _Gathered()
    context = Context(
        table=table,
        world=call.world,
        sink=sink,
        cwd=call.cwd,
        mode="api",
        actor=call.actor,
        role=call.role,
        environ=call.environ,
        desk=call.desk,
        covered=call.covered,
    )
    ran = await run(as_json(table, words), context)
    data = _data("".join(sink.pieces))
    if ran.code != ExitCode.DONE:
        raise error_of(words, ran.code, data)
    return data


def as_json(table: Table, words: Sequence[str]) -> list[str]:
    """The words with `-o json` behind the verb, where no argument of an app can hide it."""
    name = 2 if len(words) > 1 and table.get(" ".join(words[:2])) else 1
    return [*words[:name], "-o", "json", *words[name:]]


def _data(text: str) -> Any:  # Any: a JSON document, or the text when it is none
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return text


def error_of(words: Sequence[str], code: ExitCode, data: Any) -> VerbError:  # Any: as above
    """The error that a verb told with `-o json`, with its data."""
    told = data.get("error") if isinstance(data, dict) else None
    if not isinstance(told, dict):
        return VerbError(code, f"{words[0]} ended with exit code {code}", data=data)
    suggestions = tuple(str(one) for one in told.get("suggestions") or ())
    return VerbError(
        code,
        str(told.get("text", "")),
        detail=str(told.get("detail", "")),
        suggestions=suggestions,
        data=told.get("data"),
    )
