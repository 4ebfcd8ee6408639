"""Data as YAML, quickly. Pure.

PyYAML's own writer takes a third of a second for 1,000 rows, during which the daemon would answer
nobody. This one writes blocks, plain words where every YAML reads them as text, and JSON strings
elsewhere. Any: whatever msgspec gives as builtins.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

# Words no version of YAML takes for anything but text.
_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z_/(][A-Za-z0-9_./()-]*)*")
_RESERVED: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
# What JSON leaves as it is and YAML does not print.
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")

_LONGEST_KEY: Final = 1000  # YAML 1.2, 7.4: a key without its own mark ends within 1024 characters


def dump(data: Any, *, ascii_only: bool = False) -> str:
    """One document."""
    return "\n".join(_lines(data, "", ascii_only=ascii_only)) + "\n"


def _lines(data: Any, indent: str, *, ascii_only: bool) -> Iterator[str]:
    if isinstance(data, dict) and data:
        for key, value in data.items():
            name = _scalar(key, ascii_only)
            if len(name) > _LONGEST_KEY:
                yield f"{indent}? {name}"
                name = ""
            yield from _pair(f"{indent}{name}:", value, f"{indent}  ", ascii_only)
    elif isinstance(data, list | tuple) and data:
        for value in data:
            first, *rest = _lines(value, f"{indent}  ", ascii_only=ascii_only)
            yield f"{indent}- {first.lstrip(' ')}"
            yield from rest
    else:
        yield f"{indent}{_scalar(data, ascii_only)}"


def _pair(head: str, value: Any, indent: str, ascii_only: bool) -> Iterator[str]:
    if isinstance(value, dict | list | tuple) and value:
        yield head
        yield from _lines(value, indent, ascii_only=ascii_only)
    else:
        yield f"{head} {_scalar(value, ascii_only)}"


def _scalar(value: Any, ascii_only: bool) -> str:
    if isinstance(value, str):
        return _text(value, ascii_only)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    return json.dumps(value) if value is None or isinstance(value, int) else "[]"


def _text(text: str, ascii_only: bool) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return (_NOT_ASCII if ascii_only else _UNPRINTABLE).sub(_escaped, _UNPRINTABLE.sub(_escaped, quoted))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, mark, power = repr(value).partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}{mark}{power}"
