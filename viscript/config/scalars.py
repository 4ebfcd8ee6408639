"""What a plain scalar means in YAML 1.2's core schema, where `no`, `12:30` and dates are text. Pure."""

import re
from typing import Final

Value = str | int | float | bool | None

_INT: Final = re.compile(r"[-+]?[0-9]{1,30}", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]{1,30}", re.ASCII)
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,30}", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)", re.ASCII)
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def core_value(text: str) -> Value:
    """What a plain scalar means in YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _core_special(text)


def _core_special(text: str) -> Value:
    if infinite := _INFINITE.fullmatch(text):
        return float(f"{infinite[1]}inf")
    return float("nan") if text in (".nan", ".NaN", ".NAN") else text


def scalar_text(value: Value) -> str:
    """A value as YAML writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
