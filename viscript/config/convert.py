"""A strict tree to the types of `model`, with every fault in one pass. Pure.

Walks the tree and the type side by side. What cannot be converted is a fault and keeps its default,
so that one wrong word hides no other; what the result then means is looked at by `check`.
"""

import shlex
from collections.abc import Callable, Collection
from functools import cache
from math import isfinite
from typing import Any, Final, TypeGuard

import msgspec.inspect as mi

from viscript.config import units
from viscript.config.fault import Fault, Place, fault_at
from viscript.config.forms import listed, long_form
from viscript.config.model import App, Check, Schedule, Secret, Socket, Store
from viscript.config.suggest import ELSEWHERE, closest, mean
from viscript.config.tree import Entries, Entry, Items, Node, Scalar, join, plain, tree_of
from viscript.config.unsupported import MESSAGE, UNSUPPORTED
from viscript.redact import is_secret_name


class _Bad:
    """Stands for a value that could not be converted; its fault is told."""


BAD: Final = _Bad()
_EXPECTED_SECTION: Final[dict[type, str]] = {
    Check: "signal, notify or a mapping such as {tcp: 127.0.0.1:80}",
    Store: "a URL such as sqlite://, or a mapping with url",
    Schedule: 'a mapping such as {cron: "0 3 * * *"} or {every: 5m}',
}
# Half of one says less than none: with a fault inside, no rule looks at what is left.
_WHOLE: Final = frozenset({Check, Schedule, Secret, Socket})
_UNITS: Final[dict[str, tuple[Callable[[str], float], str]]] = {
    "seconds": (units.seconds, "a time such as 500ms, 1.5s or 2m"),
    "bytes": (units.size, "a size such as 10MB or 64MiB"),
    "percent": (units.percent, "a share such as 80% or 150%"),
}
_YES_NO: Final = {
    "true": "true",
    "false": "false",
    "yes": "true",
    "on": "true",
    "y": "true",
    "no": "false",
    "off": "false",
    "n": "false",
}


class Converter:
    """Converts nodes; gathers `faults`, and in `places` where each key was given."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.places: dict[str, Place] = {}
        self._shared: dict[Any, Any] = {}  # Any: values, each under itself: equal ones are kept once

    def convert(self, node: Node, kind: mi.Type, path: str) -> Any:  # Any: what `kind` says, or BAD
        """The node as a value of that type, or `BAD` when its fault was told."""
        if isinstance(kind, mi.Metadata):
            return self._marked(node, kind, path)
        if isinstance(kind, mi.AnyType):
            return plain(node)
        return _BY_KIND[type(kind)](self, node, kind, path)

    def refuse(self, node: Node | Entry, path: str, message: str, suggestion: str = "") -> _Bad:
        """Tell a fault at the node."""
        self.faults.append(fault_at(node.place, path, message, suggestion))
        return BAD

    def _expected(self, node: Node, path: str, what: str, suggestion: str = "") -> _Bad:
        return self.refuse(node, path, f"expected {what}, got {described(node, path)}", suggestion)

    def _marked(self, node: Node, kind: mi.Metadata, path: str) -> Any:  # Any: as convert
        marks = kind.extra_json_schema or {}
        if "x-unit" in marks:
            return self._measured(node, path, *_UNITS[str(marks["x-unit"])])
        if marks.get("x-words") and isinstance(node, Scalar) and isinstance(node.value, str):
            return self._words(node, path)
        if marks.get("x-scalar") and isinstance(node, Scalar) and node.value is not None:
            return self._clean(node, path)
        return self.convert(node, kind.type, path)

    def _measured(
        self, node: Node, path: str, read: Callable[[str], float], what: str
    ) -> Any:  # Any: as convert
        if not isinstance(node, Scalar) or isinstance(node.value, bool) or node.value is None:
            return self._expected(node, path, what)
        text = node.value if isinstance(node.value, str) else number_text(node.value)
        try:
            return read(text)
        except ValueError as exc:
            if text.startswith("-"):
                return self.refuse(node, path, f"must not be negative, got {described(node, path)}")
            if str(exc).startswith("not a"):
                return self._expected(node, path, what)
            return self.refuse(node, path, str(exc))

    def _text(self, node: Node, kind: mi.StrType, path: str) -> Any:  # Any: as convert
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            quotable = isinstance(node, Scalar) and node.value is not None
            return self._expected(node, path, "text", "put it in quotes" if quotable else "")
        return self._clean(node, path)

    def _clean(self, node: Scalar, path: str) -> Any:  # Any: as convert
        if "\0" in node.text:
            return self.refuse(node, path, "a NUL character cannot be passed on")
        return self._shared.setdefault(node.text, node.text)

    def _words(self, node: Scalar, path: str) -> Any:  # Any: as convert
        """One line in place of a list: split as a shell does, by quotes and white space."""
        try:
            words = tuple(shlex.split(node.text))
        except ValueError as exc:
            return self.refuse(node, path, f"cannot be split into words: {str(exc).lower()}")
        if "\0" in node.text:
            return self.refuse(node, path, "a NUL character cannot be passed on")
        return words

    def _flag(self, node: Node, kind: mi.BoolType, path: str) -> Any:  # Any: as convert
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        meant = _YES_NO.get(node.text.casefold(), "") if isinstance(node, Scalar) else ""
        return self._expected(node, path, "true or false", f"write {meant}, without quotes" if meant else "")

    def _number(self, node: Node, kind: mi.IntType | mi.FloatType, path: str) -> Any:  # Any: as convert
        whole = isinstance(kind, mi.IntType)
        value = node.value if isinstance(node, Scalar) else None
        if not is_number(value) or (whole and not isinstance(value, int)):
            return self._expected(node, path, "a whole number" if whole else "a number")
        if kind.ge is not None and value < kind.ge:
            return self.refuse(node, path, f"must be at least {kind.ge}, got {value}")
        if kind.le is not None and value > kind.le:
            return self.refuse(node, path, f"must be at most {kind.le}, got {value}")
        return value if whole else float(value)

    def _literal(self, node: Node, kind: mi.LiteralType, path: str) -> Any:  # Any: as convert
        words = [str(word) for word in kind.values]
        if isinstance(node, Scalar) and node.text in words:
            return self._shared.setdefault(node.text, node.text)
        hint = closest(node.text, words) if isinstance(node, Scalar) else ""
        one_of = "one of " if len(words) > 1 else ""
        return self._expected(node, path, one_of + ", ".join(words), hint)

    def _list(self, node: Node, kind: mi.VarTupleType, path: str) -> Any:  # Any: as convert
        if isinstance(kind.item_type, mi.StructType):
            node = listed(kind.item_type.cls, node)
        if empty(node):
            return ()
        if not isinstance(node, Items):
            hint = f"write [{node.text}]" if isinstance(node, Scalar) and " " not in node.text else ""
            return self._expected(node, path, "a list", hint)
        values = []
        for index, item in enumerate(node.items):
            here = f"{path}[{index}]"
            self.places[here] = item.place
            values.append(self.convert(item, kind.item_type, here))
        return tuple(value for value in values if value is not BAD)

    def _mapping(self, node: Node, kind: mi.DictType, path: str) -> Any:  # Any: as convert
        if empty(node):
            return {}
        if not isinstance(node, Entries):
            return self._expected(node, path, "a mapping")
        values = {}
        for entry in node.entries:
            here = join(path, entry.key)
            self.places[here] = entry.place
            values[entry.key] = self.convert(entry.value, kind.value_type, here)
        return {key: value for key, value in values.items() if value is not BAD}

    def _union(self, node: Node, kind: mi.UnionType, path: str) -> Any:  # Any: as convert
        if empty(node) and any(isinstance(choice, mi.NoneType) for choice in kind.types):
            return None
        choices = [c for c in kind.types if not isinstance(c, mi.NoneType)]
        fitting = [choice for choice in choices if _fits(node, choice)] or choices[:1]
        if len(fitting) == 1:
            return self.convert(node, fitting[0], path)
        for choice in fitting:
            attempt = Converter()
            value = attempt.convert(node, choice, path)
            if value is not BAD:
                return value
        return self._expected(node, path, " or ".join(_name(choice) for choice in fitting))

    def _section(self, node: Node, kind: mi.StructType, path: str) -> Any:  # Any: as convert
        node = long_form(kind.cls, node)
        if not isinstance(node, Entries) and not empty(node):
            return self._expected(node, path, _EXPECTED_SECTION.get(kind.cls, "a mapping"))
        before = len(self.faults)
        entries = node.entries if isinstance(node, Entries) else ()
        fields = fields_of(kind)
        values: dict[str, Any] = {}  # Any: as convert
        for entry in entries:
            here = join(path, entry.key)
            self.places[here] = entry.place
            if entry.key in fields:
                values[entry.key] = self.convert(entry.value, fields[entry.key].type, here)
            else:
                self._unknown(entry, kind, here)
        good = {key: value for key, value in values.items() if value is not BAD}
        needed = {field.encode_name for field in kind.fields if field.required}
        for key in sorted(needed - values.keys()):
            self.refuse(node, path, f'the key "{key}" is missing')
        if not needed <= good.keys() or (kind.cls in _WHOLE and len(self.faults) > before):
            return BAD
        return self._once(kind.cls(**{fields[key].name: value for key, value in good.items()}))

    def _once(self, value: Any) -> Any:  # Any: a section, or BAD
        """The same value, or an equal one from before: a thousand apps have few different sections."""
        try:
            return self._shared.setdefault(value, value)
        except TypeError:  # it holds a mapping
            return value

    def _unknown(self, entry: Entry, kind: mi.StructType, path: str) -> None:
        if entry.key in UNSUPPORTED.get(kind.cls, ()):
            self.refuse(entry, path, MESSAGE)
        elif kind.cls is App and entry.key in ELSEWHERE:
            self.refuse(entry, path, "unknown key", mean(ELSEWHERE[entry.key]))
        else:
            self.refuse(entry, path, "unknown key", _near_key(entry.key, kind))


_BY_KIND: Final[dict[type, Callable[..., Any]]] = {  # Any: each takes its own kind of type
    mi.StrType: Converter._text,
    mi.BoolType: Converter._flag,
    mi.IntType: Converter._number,
    mi.FloatType: Converter._number,
    mi.LiteralType: Converter._literal,
    mi.VarTupleType: Converter._list,
    mi.DictType: Converter._mapping,
    mi.UnionType: Converter._union,
    mi.StructType: Converter._section,
}


def empty(node: Node) -> bool:
    """Whether the key was given without a value."""
    return isinstance(node, Scalar) and node.value is None


def described(node: Node, path: str) -> str:
    """The node in a few words for a message; a secret is not shown."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Entries):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if is_secret_name(path.rpartition(".")[2]):
        return "a hidden value"
    if isinstance(node.value, bool):
        return node.text
    shown = node.text if len(node.text) <= 40 else node.text[:37] + "..."
    return f"number {shown}" if isinstance(node.value, int | float) else f'text "{shown}"'


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def number_text(value: float) -> str:
    """A number without an exponent, as far as units need it."""
    return str(value) if isinstance(value, int) else f"{value:.9f}"


@cache
def _all_fields(kind: type) -> dict[str, mi.Field]:
    info = mi.type_info(kind)
    assert isinstance(info, mi.StructType)
    return {field.encode_name: field for field in info.fields}


def fields_of(kind: mi.StructType) -> dict[str, mi.Field]:
    """The fields of a section by key."""
    return _all_fields(kind.cls)


def _near_key(key: str, kind: mi.StructType) -> str:
    for name, field in fields_of(kind).items():
        if isinstance(field.type, mi.StructType) and key in fields_of(field.type):
            return mean(f"{name}.{key}")
    return closest(key, fields_of(kind))


def _fits(node: Node, kind: mi.Type) -> bool:
    """Whether a node of this shape can be meant for that type at all."""
    if isinstance(kind, mi.StructType):
        return isinstance(node, Entries) or isinstance(long_form(kind.cls, node), Entries)
    if isinstance(kind, mi.DictType):
        return isinstance(node, Entries)
    if isinstance(kind, mi.VarTupleType):
        return isinstance(node, Items)
    return isinstance(node, Scalar)


def _name(kind: mi.Type) -> str:
    if isinstance(kind, mi.LiteralType):
        return ", ".join(str(word) for word in kind.values)
    if isinstance(kind, mi.Metadata) and (kind.extra_json_schema or {}).get("x-unit") == "bytes":
        return "a size such as 64MiB"
    return "text"


def convert_data(data: object, kind: type, path: str, place: Place) -> tuple[object, list[Fault]]:
    """Plain data as a value of a Struct type, with its faults; the value is None when there are any.

    For sections whose types are not ours, such as the settings of a plugin.
    """
    converter = Converter()
    value = converter.convert(tree_of(data, place), mi.type_info(kind), path)
    return (None if converter.faults else value), converter.faults


def known_keys(kind: type) -> Collection[str]:
    """The keys a section takes."""
    return _all_fields(kind).keys()
