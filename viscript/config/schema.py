"""The JSON Schema (2020-12) of config.yaml, from the types, for editors. Pure.

It accepts what the loader accepts as far as a schema can say it: short forms, units, keys without a value.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import msgspec.inspect as mi

from viscript.config import units
from viscript.config.meaning import MEANINGS, SECTIONS
from viscript.config.model import After, App, Check, Config, CountLimit, CpuLimit, MemoryLimit, Socket, Store

Schema = dict[str, Any]  # Any: JSON

_UNITS: Final = {
    "seconds": ("number", units.DURATION_PATTERN),
    "bytes": ("integer", units.SIZE_PATTERN),
    "percent": ("number", units.PERCENT_PATTERN),
}
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}


def schema() -> Schema:
    """The schema as JSON data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "viscript config.yaml",
        "$ref": "#/$defs/Config",
        "$defs": {kind.__name__: _section(kind) for kind in sections()},
    }


def schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def sections() -> tuple[type, ...]:
    """Every section type, the file itself first, each before those it holds."""
    found: dict[type, None] = {}

    def visit(kind: mi.Type) -> None:
        if isinstance(kind, mi.StructType):
            if kind.cls not in found:
                found[kind.cls] = None
                for field in kind.fields:
                    visit(field.type)
        elif isinstance(kind, mi.UnionType):
            for choice in kind.types:
                visit(choice)
        elif isinstance(kind, mi.VarTupleType):
            visit(kind.item_type)
        elif isinstance(kind, mi.DictType):
            visit(kind.value_type)

    visit(mi.type_info(Config))
    return tuple(found)


def struct_info(kind: type) -> mi.StructType:
    """The fields of a section type."""
    info = mi.type_info(kind)
    assert isinstance(info, mi.StructType)
    return info


def _section(kind: type) -> Schema:
    fields = struct_info(kind).fields
    made: Schema = {
        "description": SECTIONS[kind.__name__],
        "type": ["object", "null"],
        "properties": {field.encode_name: _property(kind, field) for field in fields},
        "additionalProperties": False,
    }
    required = [field.encode_name for field in fields if field.required]
    if required:
        made |= {"type": "object", "required": required}
    return {**made, "not": {"type": "object", "required": ["path", "command"]}} if kind is App else made


def _property(kind: type, field: mi.Field) -> Schema:
    made = _of(field.type)
    if "$ref" in made:
        made = {"allOf": [made]}
    made["description"] = MEANINGS[f"{kind.__name__}.{field.encode_name}"].text
    default = default_of(field)
    if isinstance(default, str | int | float) and default != "":
        made["default"] = default
    return made


def default_of(field: mi.Field) -> object:
    """The default of a key as plain data; None when there is none."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else msgspec.to_builtins(field.default)


def _of(kind: mi.Type) -> Schema:
    if isinstance(kind, mi.Metadata):
        return _marked(kind)
    return _BY_KIND[type(kind)](kind)


def _marked(kind: mi.Metadata) -> Schema:
    marks = kind.extra_json_schema or {}
    if marks.get("x-scalar"):
        return dict(_SCALAR)
    if marks.get("x-words"):
        return {"anyOf": [_of(kind.type), {"type": "string"}]}
    if unit := marks.get("x-unit"):
        number, pattern = _UNITS[str(unit)]
        return {"anyOf": [{"type": number, "minimum": 0}, {"type": "string", "pattern": pattern}]}
    return _of(kind.type)


def _number(kind: Any) -> Schema:  # Any: IntType or FloatType
    made: Schema = {"type": "integer" if isinstance(kind, mi.IntType) else "number"}
    if kind.ge is not None:
        made["minimum"] = kind.ge
    if kind.le is not None:
        made["maximum"] = kind.le
    return made


def _literal(kind: mi.LiteralType) -> Schema:
    words: list[str | None] = [str(word) for word in kind.values]
    return {"enum": [*words, None] if "null" in words else words}


def _list(kind: mi.VarTupleType) -> Schema:
    made: Schema = {"type": ["array", "null"], "items": _of(kind.item_type)}
    if isinstance(kind.item_type, mi.StructType) and kind.item_type.cls is After:
        conditions = _of(struct_info(After).fields[1].type)
        return {"anyOf": [made, {"type": "object", "additionalProperties": conditions}]}
    return made


def _union(kind: mi.UnionType) -> Schema:
    return {"anyOf": [_of(choice) for choice in kind.types]}


def _reference(kind: mi.StructType) -> Schema:
    made: Schema = {"$ref": f"#/$defs/{kind.cls.__name__}"}
    if kind.cls is Check:
        return {"anyOf": [made, {"enum": ["signal", "notify"]}]}
    if kind.cls in (MemoryLimit, CpuLimit, CountLimit, Socket, Store):
        return {"anyOf": [made, _of(struct_info(kind.cls).fields[0].type)]}
    if kind.cls is After:
        pair = {
            "type": "object",
            "maxProperties": 1,
            "minProperties": 1,
            "not": {"required": ["app"]},
            "additionalProperties": _of(struct_info(After).fields[1].type),
        }
        return {"anyOf": [made, {"type": "string"}, pair]}
    return made


_BY_KIND: Final[dict[type, Callable[[Any], Schema]]] = {  # Any: each takes its own kind of type
    mi.StrType: lambda _: {"type": "string"},
    mi.BoolType: lambda _: {"type": "boolean"},
    mi.AnyType: lambda _: {},
    mi.NoneType: lambda _: {"type": "null"},
    mi.IntType: _number,
    mi.FloatType: _number,
    mi.LiteralType: _literal,
    mi.VarTupleType: _list,
    mi.DictType: lambda kind: {"type": ["object", "null"], "additionalProperties": _of(kind.value_type)},
    mi.UnionType: _union,
    mi.StructType: _reference,
}
