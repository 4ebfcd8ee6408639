"""Hosts that are silent while a command waits for them, in words for the person who waits."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from signal_bus.ids import PublicKey
from viscript.cluster.links.api import HostLinks, Reach
from viscript.render.human import span
from viscript.verbs.slow import telling

if TYPE_CHECKING:
    from viscript.cluster.far.route import Leg
    from viscript.verbs.run import Context

SILENT_S: Final = 2.0  # two of the messages by which a host says once a second how it is
_MOST: Final = 5


class Silence:
    """The hosts among `keys` of which nothing is heard, and that are not known to be down."""

    def __init__(self, links: HostLinks, keys: Collection[PublicKey]) -> None:
        self._links, self._keys = links, frozenset(keys)

    def text(self) -> str:
        """Who is silent, and for how long; empty when nobody is."""
        found = [
            f"{host.label} (for {span(host.age_seconds)})"
            for host in self._links.hosts()
            if host.key in self._keys and host.state is not Reach.DOWN and not host.local
            if host.age_seconds is not None and host.age_seconds >= SILENT_S
        ]
        more = [f"{len(found) - _MOST} more"] if len(found) > _MOST else []
        return f"waiting for an answer; silent: {', '.join((*found[:_MOST], *more))}" if found else ""


def told_when_silent(
    links: HostLinks, legs: Collection[Leg], context: Context
) -> AbstractAsyncContextManager[None]:
    """Tell the person at a terminal once who is silent, where a command takes long."""
    if not context.terminal.err:
        return nullcontext()
    return telling(context.sink.err, Silence(links, [leg.host.key for leg in legs]))
