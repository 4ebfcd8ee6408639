"""Where an app may run, and which hosts a word means: labels, globs, `role=edge`. Pure.

any, @all           every host
web-1, web-*        the hosts of that label
role=edge           the hosts that have this label with this value; a glob, too
role=edge,zone=a    both
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from viscript.errors import ViscriptError

EVERYWHERE: Final = frozenset({"any", "@all"})
LONGEST: Final = 512
_GLOB: Final = frozenset("*?[")
_SIGNS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-*?[]!=,@")


class BadPlace(ViscriptError):
    """The words name no hosts in any form there is."""


@dataclass(frozen=True)
class Place:
    """The terms that all have to hold: (label's name, pattern), an empty name for the host's own label."""

    terms: tuple[tuple[str, str], ...] = ()

    def admits(self, label: str, labels: Mapping[str, str]) -> bool:
        """Whether a host with that label and those labels is meant."""
        return all(_holds(name, pattern, label, labels) for name, pattern in self.terms)

    @property
    def host(self) -> str:
        """The one label that it names; empty when more than one host can be meant."""
        if len(self.terms) != 1 or self.terms[0][0] or _GLOB & set(self.terms[0][1]):
            return ""
        return self.terms[0][1]


def _holds(name: str, pattern: str, label: str, labels: Mapping[str, str]) -> bool:
    if not name:
        return fnmatchcase(label, pattern)
    return name in labels and fnmatchcase(labels[name], pattern)


@lru_cache(maxsize=1024)
def parse(text: str) -> Place:
    """The place that the words name. Raises `BadPlace`."""
    if text in EVERYWHERE:
        return Place()
    if len(text) > LONGEST or not set(text) <= _SIGNS:
        raise BadPlace(f"{text[:60]!r} has a sign that no label has")
    return Place(tuple(_term(word) for word in text.split(",")))


def _term(word: str) -> tuple[str, str]:
    name, equals, pattern = word.partition("=")
    if not equals:
        name, pattern = "", name
    if not pattern or (equals and not name) or "=" in pattern:
        raise BadPlace(f"{word!r} is neither a host's label nor LABEL=VALUE")
    return name, pattern
