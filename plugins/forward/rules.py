"""Rules of forwarding: what leads where, and who may. Pure.

fwd    a port here leads to a target at, or behind, a peer
rev    a port at a peer leads to a target here
offer  these peers may lead to this target here
lend   these peers may have this port here lead to them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

EVERYBODY: Final = "all"
MOST: Final = 200
LONGEST: Final = 300

Kind = Literal["fwd", "rev", "offer", "lend"]


class RuleError(Exception):
    """A rule cannot be; `code` is for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Places are `HOST:PORT`; peers are keys in hexadecimal, or `all`."""

    kind: Kind
    listen: str = ""  # of a fwd or lend: here; of a rev: at the peer
    target: str = ""  # of a fwd: as the peer sees it; of a rev or offer: as this host does
    peers: tuple[str, ...]
    udp: bool = False

    @property
    def peer(self) -> str:
        """Of a fwd or rev, which has one."""
        return self.peers[0]

    @property
    def protocol(self) -> str:
        """As people call it."""
        return "udp" if self.udp else "tcp"

    def lets(self, peer: str) -> bool:
        """Whether this rule is about a peer."""
        return peer in self.peers or EVERYBODY in self.peers


class Rules:
    """All rules of an app by number; those of the settings have no number to be removed by."""

    def __init__(self, kept: Mapping[int, Rule] | None = None, last: int = 0) -> None:
        self.kept = dict(kept or {})
        self.fixed: list[Rule] = []
        self.last = max((last, *self.kept))

    def __iter__(self) -> Iterator[Rule]:
        yield from self.kept.values()
        yield from self.fixed

    def add(self, rule: Rule) -> int:
        """Its number. Raises `RuleError` when there is such a rule, or too many."""
        if len(self.kept) >= MOST:
            raise RuleError("too-many", f"there are {MOST} rules, and no more can be; `forward rm` ends one")
        for number, other in self.kept.items():
            if _clash(rule, other):
                raise RuleError("exists", f"rule {number} is about {rule.listen or rule.target} already")
        self.last += 1
        self.kept[self.last] = rule
        return self.last

    def remove(self, number: int) -> Rule:
        """It is no more. Raises `RuleError`."""
        if number not in self.kept:
            raise RuleError("not-found", f"there is no rule {number}; `forward ls` shows them")
        return self.kept.pop(number)

    # -- who may

    def knows(self, peer: str) -> bool:
        """Whether any rule is about this peer, so that it is heard at all."""
        return any(rule.kind != "fwd" and rule.lets(peer) for rule in self)

    def offers(self, peer: str, target: str, *, udp: bool) -> Rule | None:
        """The rule by which the peer may lead to this target; None when it may not."""
        for rule in self:
            if rule.kind == "offer" and rule.udp == udp and rule.target == target and rule.lets(peer):
                return rule
        return None

    def lends(self, peer: str, listen: str, *, udp: bool) -> bool:
        """Whether the peer may have this port."""
        return any(
            rule.kind == "lend" and rule.udp == udp and rule.listen == listen and rule.lets(peer)
            for rule in self
        )


def _clash(one: Rule, other: Rule) -> bool:
    """Whether two rules cannot both be: one port leads to one place."""
    if one == other:
        return True
    if (one.kind, one.udp, one.listen) != (other.kind, other.udp, other.listen):
        return False
    if one.kind == "fwd":
        return not one.listen.endswith(":0")  # any free port
    return one.kind == "rev" and one.peer == other.peer
