"""How texts look at a terminal. Pure.

What others wrote may hold anything: no letter that moves the cursor, colours, or turns lines round gets out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

Row = Mapping[str, Any]  # Any: a row as the chat answers it
KEY_DIGITS: Final = 12
_LAST: Final = 60
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"  # parts of words and of emoji


def plain(text: str) -> str:
    """The text without what a terminal would obey; it stays one text, with its lines indented."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n    ".join("".join(map(_letter, line)) for line in lines)


def _letter(letter: str) -> str:
    if letter == "\t":
        return "    "
    if unicodedata.category(letter) in _HIDDEN and letter not in _JOINERS:
        return "\ufffd"
    return letter


def who(row: Row) -> str:
    """Who wrote."""
    return "you" if row["mine"] else plain(row["name"] or row["sender"][:KEY_DIGITS])


def line(row: Row, rooms: Mapping[str, str]) -> str:
    """One text; `rooms` has the names of rooms by their ids."""
    time = datetime.fromisoformat(row["time"]).astimezone().strftime("%H:%M")
    room = rooms.get(row["talk"])
    place = f" in {plain(room)}" if room is not None else ""
    if row["leaves"]:
        return f"{time}  {who(row)} left{place}\n"
    state = f"  [{row['state']}]" if row["mine"] else ""
    return f"{time}  {who(row)}{place}: {plain(row['text'])}{state}\n"


def texts(rows: Sequence[Row], rooms: Mapping[str, str]) -> str:
    """Several, with a line for each day."""
    found, day = "", ""
    for row in rows:
        here = datetime.fromisoformat(row["time"]).astimezone().strftime("%A %d %B %Y")
        if here != day:
            day = here
            found += f"-- {day}\n"
        found += line(row, rooms)
    return found


def talks(rows: Sequence[Row]) -> str:
    """A line for each talk."""
    width = max((len(_title(row)) for row in rows), default=0)
    return "".join(_talk(row, width) for row in rows)


def _talk(row: Row, width: int) -> str:
    unread = f"{row['unread']} unread" if row["unread"] else ""
    last = plain(row["last"]).replace("\n    ", " ")
    shown = last if len(last) <= _LAST else last[: _LAST - 1] + "\u2026"
    return f"{_title(row):<{width}}  {unread:<10}  {shown}".rstrip() + "\n"


def _title(row: Row) -> str:
    name = plain(row["name"])
    if row["kind"] == "room":
        left = ", left" if row["is_left"] else ""
        return f"{name} (room:{row['talk'][:KEY_DIGITS]}, {len(row['members'])} members{left})"
    return f"{name} ({row['talk'][:KEY_DIGITS]})" if name else row["talk"][:KEY_DIGITS]
