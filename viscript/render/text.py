"""Text that is safe and fits: control characters shown, widths in columns, colours. Pure."""

import re
from typing import Final

from viscript.verbs.table import Style

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_CODES: Final[dict[Style, str]] = {"good": "32", "busy": "33", "bad": "31", "dim": "2", "bold": "1"}


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def clean(text: str) -> str:
    """One line without control characters, so that no app writes to the user's terminal through us."""
    return text if text.isprintable() else _CONTROL.sub(_shown, text)


def clean_lines(text: str) -> str:
    """The same for text of several lines; line ends and tabs stay."""
    return _CONTROL_BUT_LINES.sub(_shown, text)


def width(text: str) -> int:
    """How many terminal columns the text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # late: its tables take 1.3 MB, and most text needs none

    return max(wcswidth(text), 0)


def cut(text: str, columns: int, *, plain: bool = False) -> str:
    """The text in at most `columns` columns, its end replaced by an ellipsis when it is longer."""
    if width(text) <= columns:
        return text
    mark = "~" if plain else "…"
    if columns < 2:
        return mark[:columns]
    from wcwidth import wcwidth

    taken, room = [], columns - 1
    for char in text:
        room -= max(wcwidth(char), 0)
        if room < 0:
            break
        taken.append(char)
    return "".join(taken) + mark


def paint(text: str, style: Style | None, *, colour: bool) -> str:
    """The text in the colour of `style`, where colour is wanted."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and style else text


def to_ascii(text: str) -> str:
    """For terminals that show ASCII only: what they cannot show is spelled out."""
    if text.isascii():
        return text
    return text.replace("…", "~").encode("ascii", "backslashreplace").decode()


_NOT_COLOUR: Final = re.compile(
    r"\x1b\[[0-9;:]*m|(\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069])"
)


def tame(line: str) -> str:
    """A line an app wrote, for a terminal: its colours stay, all else a terminal obeys goes."""
    tamed = tame_lines(line)
    return f"{tamed}\x1b[0m" if "\x1b" in tamed else tamed


def tame_lines(text: str) -> str:
    """The same for a text that was put together here: it ends its own colours."""
    if text.isprintable():
        return text
    return _NOT_COLOUR.sub(lambda match: "" if match[1] else match[0], text)
