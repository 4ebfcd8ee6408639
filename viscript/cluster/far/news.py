"""What happens to the apps of other hosts, for a prompt: the events of their doors, as they come.

A host that goes away is followed again when it is back; what happened meanwhile is not told, `events` has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from signal_bus.ids import PublicKey
from viscript.cluster.far.conversation import Conversation, hang_up
from viscript.cluster.links.api import HostAway, HostLinks, HostState, Reach, StreamRefused
from viscript.errors import VerbError

log = logging.getLogger(__name__)

TOLD: Final = frozenset({"app.backoff", "app.fatal", "app.running", "app.ready", "app.stopped", "app.health"})
MOST_HOSTS: Final = 64  # for one prompt
AGAIN_S: Final = 5.0
OPEN_S: Final = 5.0

Event = dict[str, Any]  # Any: JSON of an event
Tell = Callable[[Event], Awaitable[None]]


class News:
    """Follows all other hosts for one listener."""

    def __init__(self, links: HostLinks, tell: Tell) -> None:
        self._links = links
        self._tell = tell
        self._followed: set[PublicKey] = set()
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """For ever: whoever is up is followed. What `tell` raises ends it."""
        stop = self._links.on_change(lambda _host: self._changed.set())
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    for host in self._missing():
                        self._followed.add(host.key)
                        group.create_task(self._one(host))
                    await self._changed.wait()
        finally:
            stop()

    def _missing(self) -> list[HostState]:
        others = [host for host in self._links.hosts() if not host.local and host.state is not Reach.DOWN]
        room = MOST_HOSTS - len(self._followed)
        return [host for host in others if host.key not in self._followed][:room]

    async def _one(self, host: HostState) -> None:
        """One host, until it is away; a moment later it may be followed again."""
        try:
            stream = await self._links.open(host.key, "door", OPEN_S)
            try:
                await self._listen(Conversation(stream, host), host)
            finally:
                await hang_up(stream)
        except (HostAway, StreamRefused, VerbError) as exc:
            log.debug("host=%s is not followed: %s", host.label, exc)
        await asyncio.sleep(AGAIN_S)
        self._followed.discard(host.key)
        self._changed.set()

    async def _listen(self, talk: Conversation, host: HostState) -> None:
        await talk.ask({"subscribe": {"cursor": None}})
        while (answer := await talk.answer()) is not None:
            event = answer.get("ev")
            if isinstance(event, dict) and isinstance(kind := event.get("type"), str) and kind in TOLD:
                await self._tell(abroad(event, host.label))


def abroad(event: Event, label: str) -> Event:
    """An event of another host, with its app named as it is here: `app/m2/7`."""
    kind, _, rest = str(event.get("object", "")).partition("/")
    return {**event, "object": f"{kind}/{label}/{rest}", "host": label}
