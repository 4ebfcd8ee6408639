"""Every key as people are told about it: type, default, meaning, example. Pure."""

from dataclasses import dataclass

import msgspec.inspect as mi

from viscript.config import units
from viscript.config.meaning import MEANINGS
from viscript.config.schema import default_of, struct_info


@dataclass(frozen=True)
class Key:
    """One key; `section` is what it holds, directly or many times, and `named` says by names of one's own."""

    name: str
    values: str
    default: str
    meaning: str
    example: str
    section: type | None
    named: bool


def keys_of(section: type) -> list[Key]:
    """The keys of a section in the order of their types."""
    return [_key(section, field) for field in struct_info(section).fields]


def _key(section: type, field: mi.Field) -> Key:
    meaning = MEANINGS[f"{section.__name__}.{field.encode_name}"]
    return Key(
        name=field.encode_name,
        values=type_text(field.type),
        default=default_text(field),
        meaning=meaning.text,
        example=meaning.example,
        section=_inner(field.type),
        named=isinstance(field.type, mi.DictType),
    )


def type_text(kind: mi.Type) -> str:
    """A type in words: `list of text`, `time`, `one of always, never`."""
    if isinstance(kind, mi.Metadata):
        marks = kind.extra_json_schema or {}
        if marks.get("x-words"):
            return "list of text, or one line"
        return {"seconds": "time", "bytes": "size", "percent": "share"}.get(str(marks.get("x-unit")), "text")
    if isinstance(kind, mi.LiteralType):
        return ("one of " if len(kind.values) > 1 else "") + ", ".join(str(word) for word in kind.values)
    if isinstance(kind, mi.VarTupleType):
        return f"list of {type_text(kind.item_type)}"
    if isinstance(kind, mi.DictType):
        return f"mapping of {type_text(kind.value_type)}"
    if isinstance(kind, mi.UnionType):
        return " or ".join(type_text(choice) for choice in _worded(kind))
    if isinstance(kind, mi.StructType):
        return kind.cls.__name__
    return _PLAIN[type(kind)]


_PLAIN = {
    mi.StrType: "text",
    mi.BoolType: "true or false",
    mi.IntType: "whole number",
    mi.FloatType: "number",
    mi.AnyType: "any value",
}


def _worded(kind: mi.UnionType) -> list[mi.Type]:
    choices = [choice for choice in kind.types if not isinstance(choice, mi.NoneType)]
    return sorted(choices, key=lambda choice: isinstance(choice, mi.StructType))


def _inner(kind: mi.Type) -> type | None:
    """The section a key holds, directly or many times."""
    if isinstance(kind, mi.StructType):
        return kind.cls
    if isinstance(kind, mi.VarTupleType):
        return _inner(kind.item_type)
    if isinstance(kind, mi.DictType):
        return _inner(kind.value_type)
    if isinstance(kind, mi.UnionType):
        return next((found for choice in kind.types if (found := _inner(choice))), None)
    return None


def default_text(field: mi.Field) -> str:
    """The default as it would be written, or nothing when there is none or it is empty."""
    default = default_of(field)
    if default in (None, "", (), [], {}) or isinstance(default, dict):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    unit = (field.type.extra_json_schema or {}).get("x-unit") if isinstance(field.type, mi.Metadata) else None
    if unit == "seconds" and isinstance(default, float):
        return units.duration_text(default)
    if unit == "bytes" and isinstance(default, int):
        return units.size_text(default)
    return str(default)
