"""Tables for people: aligned, cut to the screen, coloured only where asked. Pure.

Written by hand because `rich` takes half a second for 1,000 rows;
docs/decisions/0040-text-without-rich.md has the figures.
"""

from collections.abc import Sequence
from typing import Any, Final

from viscript.render.text import clean, cut, paint, width
from viscript.verbs.table import Column, Terminal

_GAP: Final = "  "
_LEAST: Final = 8  # no column is shrunk below this
_FEW: Final = 3  # so many rows may be shown as blocks when a line is too long for the screen


def table(rows: Sequence[Any], columns: Sequence[Column], terminal: Terminal, *, wide: bool = False) -> str:
    """Head and rows, a line each; nothing when there are no columns. Any: rows are result Structs."""
    shown = [column for column in columns if wide or not column.wide]
    if not shown:
        return ""
    cells = [[clean(column.text(row)) for row in rows] for column in shown]
    widths = [
        max(len(column.title), max(map(width, texts), default=0))
        for column, texts in zip(shown, cells, strict=True)
    ]
    if terminal.out and not wide:
        _shrink(widths, shown, terminal.columns)
        if rows and len(rows) <= _FEW and _line_width(widths) > terminal.columns:
            return _blocks(shown, cells, terminal)
    painted = [
        _paint_column(column, rows, texts, room, terminal, last=column is shown[-1])
        for column, texts, room in zip(shown, cells, widths, strict=True)
    ]
    lines = [_GAP.join(line).rstrip() for line in zip(*painted, strict=True)]
    return "\n".join(lines) + "\n"


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _blocks(columns: Sequence[Column], cells: list[list[str]], terminal: Terminal) -> str:
    """A few rows that are too long for the screen: names and values below each other."""
    titles = [column.title for column in columns]
    return "\n".join(
        fields([(title, value.strip()) for title, value in zip(titles, row, strict=True)], terminal)
        for row in zip(*cells, strict=True)
    )


def _shrink(widths: list[int], columns: Sequence[Column], screen: int) -> None:
    """Take what is too much from the widest columns that may shrink."""
    excess = _line_width(widths) - screen
    able = [at for at, column in enumerate(columns) if column.shrink]
    while excess > 0 and able:
        widest = max(able, key=lambda at: widths[at])
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1
        excess -= 1


def _paint_column(
    column: Column, rows: Sequence[Any], texts: list[str], room: int, terminal: Terminal, *, last: bool
) -> list[str]:
    head = _fit(column.title.upper(), room, column, terminal, last=last)
    painted = [paint(head, "bold", colour=terminal.colour)]
    fitted = [_fit(text, room, column, terminal, last=last) for text in texts]
    if column.style is None or not terminal.colour:
        return painted + fitted
    style = column.style
    return painted + [paint(text, style(row), colour=True) for text, row in zip(fitted, rows, strict=True)]


def _fit(text: str, room: int, column: Column, terminal: Terminal, *, last: bool) -> str:
    if text.isascii() and len(text) <= room:
        return text.rjust(room) if column.right else text if last else text.ljust(room)
    text = cut(text, room, plain=terminal.ascii)
    pad = " " * (room - width(text))
    return pad + text if column.right else text if last else text + pad


def fields(pairs: Sequence[tuple[str, str]], terminal: Terminal) -> str:
    """Names and values below each other, for one object on a screen."""
    room = max((len(name) for name, _ in pairs), default=0)
    return "".join(
        f"{paint(name.ljust(room), 'dim', colour=terminal.colour)}{_GAP}{clean(value)}".rstrip() + "\n"
        for name, value in pairs
    )
