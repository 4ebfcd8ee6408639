r"""Strict reading of an env file. Pure.

    # a comment
    NAME=value               to the end of the line, without blanks around it; ` #` starts a comment
    NAME='as it is'          nothing is special inside
    NAME="a\tb \"c\""        \n \r \t \\ \" \$ are escapes
    export NAME=value        the word is passed over

Nothing is expanded: `$HOME` stays `$HOME`.
"""

import re
from typing import Final

from viscript.config.fault import Fault, Place, fault_at

_LINE: Final = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(?P<value>.*)", re.S)
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def parse_dotenv(text: str, file: str) -> tuple[dict[str, str], list[Fault]]:
    """The variables of an env file in order, and a fault for each line that is wrong. No value is shown."""
    found: dict[str, str] = {}
    first: dict[str, int] = {}
    faults: list[Fault] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        name = match["name"] if match else ""
        value = _value(match["value"]) if match else None
        problem = _problem(name, value, first)
        if problem or value is None:
            column = len(raw) - len(raw.lstrip()) + 1
            faults.append(fault_at(Place(file, number, column), name, problem))
            continue
        found[name], first[name] = value, number
    return found, faults


def _problem(name: str, value: str | None, first: dict[str, int]) -> str:
    if not name:
        return "expected NAME=VALUE"
    if value is None:
        return "a quote is not closed, text follows it, or an escape is unknown"
    if "\0" in value:
        return "a NUL character cannot be passed on"
    return f"given twice, first in line {first[name]}" if name in first else ""


def _value(text: str) -> str | None:
    if text.startswith("'"):
        single = _SINGLE.fullmatch(text)
        return single[1] if single else None
    if text.startswith('"'):
        double = _DOUBLE.fullmatch(text)
        return _unescaped(double[1]) if double else None
    return _COMMENT.sub("", text).strip()


def _unescaped(text: str) -> str | None:
    if any(match[1] not in _ESCAPES for match in _ESCAPE.finditer(text)):
        return None
    return _ESCAPE.sub(lambda match: _ESCAPES[match[1]], text)
