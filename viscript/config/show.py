"""The configuration in force, key by key, with where each value came from and secrets hidden. Pure."""

from collections.abc import Iterator, Mapping

import msgspec

from viscript.config.loader import Loaded
from viscript.config.tree import join
from viscript.redact import redacted


class Line(msgspec.Struct, frozen=True):
    """One value: `kind` is command line, environment, file or default; `where` is `config.yaml:12`."""

    path: str
    value: object
    kind: str
    where: str

    @property
    def origin(self) -> str:
        """Kind and place in one: `file config.yaml:12`, `default`."""
        return f"{self.kind} {self.where}".rstrip()


def shown(loaded: Loaded, *, given_only: bool = False) -> list[Line]:
    """Every value in force; with `given_only`, those that are not defaults."""
    lines = (_line(path, value, loaded) for path, value in _leaves(redacted(loaded.config), ""))
    return [line for line in lines if not given_only or line.kind != "default"]


def _leaves(data: Mapping[str, object], path: str) -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        here = join(path, key)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield here, value


def _line(path: str, value: object, loaded: Loaded) -> Line:
    origin = loaded.origin_of(path)
    return Line(path, value, origin.kind, origin.where)
