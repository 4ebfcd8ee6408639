"""Whose turn it is on a link: routes with little to send before those with much. Pure.

Deficit round robin with a list of newcomers (the idea of RFC 8290, FQ-CoDel, without its drops): a route that
becomes busy joins the newcomers and is served first, until it has sent a quantum; then it waits in turn with
the others. So an answer of 64 bytes never stands behind a bulk transfer's megabyte.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar

from components.visor.plane.limits import QUANTUM


class Sender(Protocol):
    """A route's end at this link; `Schedule` keeps its turn in these two."""

    deficit: int
    waiting: bool


S = TypeVar("S", bound=Sender)


class Schedule(Generic[S]):
    """The busy routes of one link."""

    def __init__(self) -> None:
        self._new: deque[S] = deque()
        self._old: deque[S] = deque()

    def __bool__(self) -> bool:
        return bool(self._new or self._old)

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, sender: S) -> None:
        """It has something to send; nothing happens when it waits already."""
        if not sender.waiting:
            sender.waiting = True
            sender.deficit = QUANTUM
            self._new.append(sender)

    def head(self) -> S | None:
        """Who sends next; None when nobody is busy."""
        while self._new:
            sender = self._new[0]
            if sender.deficit > 0:
                return sender
            self._new.popleft()
            self._old.append(sender)
        old = self._old
        while old:
            sender = old[0]
            if sender.deficit > 0:
                return sender
            sender.deficit += QUANTUM
            old.rotate(-1)
        return None

    def sent(self, sender: S, size: int) -> None:
        """The head sent so many bytes."""
        sender.deficit -= size

    def idle(self, sender: S) -> None:
        """The head has nothing more to send now.

        A newcomer waits out a round with the others first, or it could come back as one again and again.
        """
        if self._new and self._new[0] is sender:
            self._new.popleft()
            if self._old:
                self._old.append(sender)
                return
        elif self._old and self._old[0] is sender:
            self._old.popleft()
        sender.waiting = False  # its route may have ended while it was asked

    def remove(self, sender: S) -> None:
        """Its route ended."""
        if sender.waiting:
            sender.waiting = False
            for line in (self._new, self._old):
                if sender in line:
                    line.remove(sender)
