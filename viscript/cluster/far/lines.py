"""A line of a stream that comes from several hosts. Pure."""

from __future__ import annotations

from typing import Any

from viscript.render.text import clean, tame, to_ascii
from viscript.verbs.results import LogRow
from viscript.verbs.table import Terminal, Verb


def far_line(verb: Verb, host: str, row: Any, terminal: Terminal) -> str:  # Any: a row of the verb, or JSON
    """The line for people, with whose it is in front."""
    if isinstance(row, LogRow):
        text = f"[{host}/{row.id}] {clean(row.name)} | {tame(row.text)}\n"
    elif verb.line_of is not None and not isinstance(row, dict):
        text = f"{host}  {clean(verb.line_of(row))}\n"
    else:
        text = f"{host}  {clean(str(row))}\n"
    return to_ascii(text) if terminal.ascii else text
