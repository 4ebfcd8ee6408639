"""Who may come, who is here, and what all have done: the list, the bounds, the figures of `status`. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

MOST: Final = 64  # connections at a time
MOST_OF_ONE: Final = 16  # of one node
SESSIONS: Final = 10  # shells, commands and copies in one connection
SHOWN: Final = 50  # of those that have ended


class NotAllowed(Exception):
    """The node may not come in now; the text is told to it."""


@dataclass
class Use:
    """One session; times are of the clock on the wall."""

    peer: str
    kind: str  # shell, command or files
    since: float
    sent: int = 0  # to the peer
    received: int = 0
    until: float | None = None
    how: str = ""  # it ended

    def row(self, now: float) -> dict[str, Any]:  # Any: plain data of several types
        """What `status` shows of it."""
        return {
            "peer": self.peer,
            "kind": self.kind,
            "since": round(self.since, 3),
            "seconds": round((self.until or now) - self.since, 3),
            "sent_bytes": self.sent,
            "received_bytes": self.received,
            "ended": self.how,
        }


@dataclass
class Visitors:
    """`allowed` are keys in hexadecimal."""

    allowed: frozenset[str]
    served: int = 0
    refused: int = 0
    _here: dict[str, int] = field(default_factory=dict)  # connections of each node
    _open: dict[int, Use] = field(default_factory=dict)
    _ended: list[Use] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def admitted(self, peer: str) -> Iterator[None]:
        """A connection of this node counts inside. Raises `NotAllowed`."""
        try:
            self._check(peer)
        except NotAllowed:
            self.refused += 1
            raise
        self._here[peer] = self._here.get(peer, 0) + 1
        try:
            yield
        finally:
            self._here[peer] -= 1
            if not self._here[peer]:
                del self._here[peer]

    def _check(self, peer: str) -> None:
        if peer not in self.allowed:
            raise NotAllowed(f"the key {peer} is not on the list of this terminal")
        if self._here.get(peer, 0) >= MOST_OF_ONE:
            raise NotAllowed(f"{MOST_OF_ONE} connections of one node are the most at a time")
        if sum(self._here.values()) >= MOST:
            raise NotAllowed(f"{MOST} connections are the most at a time; try again later")

    @contextmanager
    def using(self, use: Use) -> Iterator[Use]:
        """A session counts as open inside. Who opens it sets `until` and `how` before its end."""
        number = next(self._ids)
        self._open[number] = use
        try:
            yield use
        finally:
            del self._open[number]
            self.served += 1
            self._ended = [*self._ended, use][-SHOWN:]

    def figures(self, now: float) -> dict[str, Any]:  # Any: as above
        """What `status` answers."""
        return {
            "allowed": sorted(self.allowed),
            "connections": sum(self._here.values()),
            "open": len(self._open),
            "served": self.served,
            "refused": self.refused,
            "sessions": [use.row(now) for use in self._open.values()],
            "ended": [use.row(now) for use in reversed(self._ended)],
        }
