"""Settings outside `apps` that the command line and the environment may set, and which of them won. Pure.

command line  >  environment VISCRIPT_LOGGING_LEVEL  >  file logging.level  >  default
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec
import msgspec.inspect as mi

from viscript.config.fault import Fault, Place, fault_at
from viscript.config.model import Config, Store
from viscript.config.scalars import core_value
from viscript.config.suggest import closest
from viscript.config.tree import Entries, Entry, Node, Scalar, join

COMMAND_LINE: Final = "command line"
ENVIRONMENT: Final = "environment"
ONE_VALUE: Final = frozenset({Store})  # sections that one value may stand for: it is set as a whole


class Origin(msgspec.Struct, frozen=True):
    """Where a value came from; `where` is `config.yaml:12`, the variable, or nothing."""

    kind: Literal["command line", "environment", "file", "default"]
    where: str = ""


DEFAULT: Final = Origin("default")


def _scalar_settings(kind: type, path: str = "") -> Iterator[str]:
    info = mi.type_info(kind)
    assert isinstance(info, mi.StructType)
    for field in info.fields:
        here = join(path, field.encode_name)
        if isinstance(field.type, mi.StructType) and field.type.cls not in ONE_VALUE:
            yield from _scalar_settings(field.type.cls, here)
        elif not any(isinstance(kind, mi.DictType | mi.VarTupleType) for kind in _choices(field.type)):
            yield here


def _choices(kind: mi.Type) -> tuple[mi.Type, ...]:
    return kind.types if isinstance(kind, mi.UnionType) else (kind,)


SETTINGS: Final = tuple(_scalar_settings(Config))


def variable(setting: str) -> str:
    """The environment variable of a setting: `logging.level` gives VISCRIPT_LOGGING_LEVEL."""
    return f"VISCRIPT_{setting.replace('.', '_').upper()}"


def overlay(
    root: Node, environ: Mapping[str, str], options: Mapping[str, str]
) -> tuple[Node, dict[str, Origin], list[Fault]]:
    """The tree with what was set outside the file, where each of those came from, and unknown options."""
    origins: dict[str, Origin] = {}
    for setting in SETTINGS:
        name = variable(setting)
        if name in environ:
            root = _put(root, setting.split("."), _node(environ[name], f"{ENVIRONMENT} {name}"))
            origins[setting] = Origin("environment", name)
    faults = []
    for setting, text in options.items():
        if setting in SETTINGS:
            root = _put(root, setting.split("."), _node(text, COMMAND_LINE))
            origins[setting] = Origin("command line", f"{setting}={text}")
        else:
            place = Place(COMMAND_LINE)
            faults.append(fault_at(place, setting, "cannot be set here", closest(setting, SETTINGS)))
    return root, origins, faults


def _node(text: str, source: str) -> Scalar:
    return Scalar(Place(source), text, core_value(text))


def _put(root: Node, keys: list[str], value: Node) -> Node:
    if isinstance(root, Scalar) and root.value is None:
        root = Entries(value.place, ())
    if not keys or not isinstance(root, Entries):
        return value if not keys else root
    old = root.get(keys[0])
    below = old.value if old else Entries(value.place, ())
    entry = Entry(keys[0], value.place, _put(below, keys[1:], value))
    return Entries(root.place, (*(kept for kept in root.entries if kept.key != keys[0]), entry))
