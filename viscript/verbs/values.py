"""From the words of a command to typed values. Pure; all it raises is `BadValue`."""

import json
import math
import re
import signal
from collections.abc import Callable
from typing import Any, Final

from viscript.errors import ViscriptError
from viscript.states import State
from viscript.verbs.table import Kind

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)(B|[kKMGT]i?B?)?")
_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_POWER: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_LONGEST_NUMBER: Final = 40


class BadValue(ViscriptError):
    """The word is not a value of that kind; the text says what is expected."""


def seconds(word: str) -> float:
    """A span of time: `1.5`, `500ms`, `2m`, `1h30m`."""
    if len(word) > _LONGEST_NUMBER:
        raise BadValue("expected a time such as 1.5s or 2m")
    if _NUMBER.fullmatch(word):
        return float(word)
    if _DURATION.fullmatch(word):
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(word))
    raise BadValue("expected a time such as 1.5s or 2m")


def size(word: str) -> int:
    """A number of bytes: `512`, `64MiB` (1024), `10MB` (1000)."""
    match = _SIZE.fullmatch(word) if len(word) <= _LONGEST_NUMBER else None
    if not match:
        raise BadValue("expected a size such as 64MiB or 10MB")
    number, unit = match[1], (match[2] or "").rstrip("B")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(number) * base ** _POWER[unit.rstrip("i").upper()])


def signal_number(word: str) -> int:
    """A signal by number or by name, with or without SIG, in any case."""
    name = word.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name in signal.Signals.__members__:
        return int(signal.Signals[name])
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) in signal.valid_signals():
        return int(word)
    raise BadValue("expected a signal such as HUP, TERM or 9")


def _integer(word: str) -> int:
    if not _INTEGER.fullmatch(word):
        raise BadValue("expected a whole number")
    return int(word)


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadValue("expected a number")
    return value


def _json(word: str) -> object:
    try:
        value: object = json.loads(word)
    except (ValueError, RecursionError) as exc:
        reason = exc.msg if isinstance(exc, json.JSONDecodeError) else "too deep or too long"
        raise BadValue(f"expected JSON: {reason}") from exc
    return value


def _state(word: str) -> State:
    try:
        return State(word)
    except ValueError:
        raise BadValue(f"expected one of {', '.join(State)}") from None


_BY_KIND: Final[dict[str, Callable[[str], object]]] = {
    "int": _integer,
    "float": _number,
    "seconds": seconds,
    "size": size,
    "json": _json,
    "signal": signal_number,
    "state": _state,
}


def convert(word: str, kind: Kind, *, choices: tuple[str, ...] = (), at_least: float | None = None) -> Any:
    """The value of `word` (its type follows `kind`). Raises `BadValue`."""
    if choices and word not in choices:
        raise BadValue(f"expected one of {', '.join(choices)}")
    value = _BY_KIND.get(kind, str)(word)
    if at_least is not None and isinstance(value, int | float) and value < at_least:
        raise BadValue(f"must be at least {at_least:g}")
    return value
