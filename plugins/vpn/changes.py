"""What a tunnel changes on its host, and how each change is taken back. Pure: data in, steps out.

A change is journalled with what was there before, then done. Its inverse may be run at any time after that,
again and again, by any process: what is gone already is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

SYSCTLS: Final = "/proc/sys"
_GONE: Final = ("No such", "Cannot find device", "does not exist")  # what `ip` says of what is not there

Before = Mapping[str, str]  # sysctl -> its value


class Table(msgspec.Struct, frozen=True, tag="table"):
    """A table of nftables with this body. Done again it is replaced in one step, never absent."""

    name: str
    body: str


class Rule(msgspec.Struct, frozen=True, tag="rule"):
    """A routing rule in the words of `ip rule add`."""

    family: int
    words: tuple[str, ...]


class Route(msgspec.Struct, frozen=True, tag="route"):
    """A route in the words of `ip route add`."""

    family: int
    words: tuple[str, ...]


class Sysctl(msgspec.Struct, frozen=True, tag="sysctl"):
    """A kernel setting by its path below /proc/sys; `moves` are patterns of those that move with it."""

    name: str
    value: str
    moves: tuple[str, ...] = ()


Change = Table | Rule | Route | Sysctl


@dataclass(frozen=True)
class Run:
    """A command; it has succeeded too when it says one of `fine`."""

    argv: tuple[str, ...]
    stdin: str = ""
    fine: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.argv) + (f" <<END\n{self.stdin}END" if self.stdin else "")


@dataclass(frozen=True)
class Write:
    """Write a kernel setting, if it is there and has another value."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"sysctl -w {self.name.replace('/', '.')}={self.value}"


Step = Run | Write


def doing(change: Change) -> Step:
    """The step that does it."""
    match change:
        case Table(name, body):
            whole = f"add table inet {name}\ndelete table inet {name}\ntable inet {name} {{\n{body}}}\n"
            return Run(("nft", "-f", "-"), whole)
        case Rule(family, words):
            return Run(("ip", f"-{family}", "rule", "add", *words))
        case Route(family, words):
            return Run(("ip", f"-{family}", "route", "add", *words))
        case Sysctl(name, value):
            return Write(name, value)


def inverse(change: Change, before: Before) -> list[Step]:
    """The steps that take it back."""
    match change:
        case Table(name):
            return [Run(("nft", "-f", "-"), f"add table inet {name}\ndelete table inet {name}\n")]
        case Rule(family, words):
            return [Run(("ip", f"-{family}", "rule", "del", *words), fine=_GONE)]
        case Route(family, words):
            return [Run(("ip", f"-{family}", "route", "del", *words), fine=_GONE)]
        case Sysctl(name):
            first = {name: before[name]} if name in before else {}
            return [Write(key, value) for key, value in {**first, **before}.items()]
