"""Looks once a second which links have gone silent, for as long as the block lasts."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from components.visor.links.limits import LOOK_S
from components.visor.plane.loop import Loop, Timer


class Silent(Protocol):
    """A transport."""

    def look(self) -> None:
        """Do something about its link, if that is silent."""


@contextmanager
def looking(loop: Loop, transports: Callable[[], Iterable[Silent]]) -> Iterator[None]:
    """Have each transport look at its link."""
    timer: Timer

    def look() -> None:
        nonlocal timer
        timer = loop.call_later(LOOK_S, look)
        for transport in tuple(transports()):
            transport.look()

    timer = loop.call_later(LOOK_S, look)
    try:
        yield
    finally:
        timer.cancel()
