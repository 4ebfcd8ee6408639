"""What apps tell of themselves in `status`: those on the bus that offer a method of that name are asked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from viscript.errors import VerbError
from viscript.render import human
from viscript.render.table import fields, table
from viscript.render.text import clean
from viscript.supervisor.api import Instance, Supervisor
from viscript.verbs.table import Column, Terminal

METHOD: Final = "status"
PATIENCE_S: Final = 1.0  # for each; all are asked at once
_LONG_S: Final = 10.0  # a span from here on, a time it took below
MOST: Final = 32  # apps that are asked; who names more wants a list

Figures = dict[str, Any]  # Any: the app's own, plain data


async def figures_of(supervisor: Supervisor, items: Iterable[Instance]) -> dict[int, Figures]:
    """By id, what those that have something to tell answer in time; `error` where one does not."""
    asked = [item.seq for item in items if item.registered and item.pid is not None][:MOST]
    answers = await asyncio.gather(*(_asked(supervisor, seq) for seq in asked))
    return {seq: answer for seq, answer in zip(asked, answers, strict=True) if answer}


async def _asked(supervisor: Supervisor, seq: int) -> Figures:
    try:
        async with asyncio.timeout(PATIENCE_S):
            if METHOD not in await supervisor.describe(seq):
                return {}
            answer = await supervisor.call(seq, METHOD, {}, PATIENCE_S)
    except TimeoutError:
        return {"error": f"it did not answer within {PATIENCE_S:g} s"}
    except VerbError as exc:
        return {"error": exc.text}
    return (
        {str(name): value for name, value in answer.items()} if isinstance(answer, dict) else {METHOD: answer}
    )


def figures_text(figures: Figures, terminal: Terminal) -> str:
    """One value a line, then each list of rows as a table; what is nested deeper is in `-o json` only."""
    pairs = [(_title(name), _value(name, value)) for name, value in figures.items() if _is_plain(value)]
    parts = [fields(pairs, terminal)] if pairs else []
    for name, rows in figures.items():
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            parts.append(f"{_title(name)}\n{table(rows, _columns(rows), terminal)}")
    return "\n".join(parts)


def _columns(rows: list[dict[Any, Any]]) -> list[Column]:
    names = dict.fromkeys(name for row in rows for name, value in row.items() if _is_plain(value))
    return [Column(title=_title(name), text=partial(_cell, name), shrink=True) for name in names]


def _cell(name: object, row: dict[Any, Any]) -> str:
    return _value(name, row.get(name))


def _is_plain(value: object) -> bool:
    words = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value is None or isinstance(value, str | int | float) or words


def _title(name: object) -> str:
    return clean(str(name).removesuffix("_bytes").removesuffix("_seconds").replace("_", " "))


def _value(key: object, value: Any) -> str:  # Any: a plain value
    name = str(key)
    if value is None:
        return "-"
    if isinstance(value, list):
        return clean(", ".join(map(str, value))) or "-"  # another row may have had words only
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float) and name.endswith(("_bytes", "bytes_per_second")):
        return human.size(int(value)) + ("/s" if name.endswith("per_second") else "")
    if isinstance(value, int | float) and name.endswith("seconds"):
        return human.brief(value) if value < _LONG_S else human.span(value)
    return clean(str(value))
