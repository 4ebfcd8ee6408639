"""The connections there are: greeted and checked, one of them used for each host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from signal_bus.ids import PublicKey
from signal_bus.peers.link import Link, Port
from signal_bus.peers.messages import PeerHello, PeerRoster, PeerState
from signal_bus.peers.stream import Stream
from viscript.cluster.links import choose
from viscript.cluster.links.api import Path

log = logging.getLogger(__name__)

LINKS_MAX: Final = 8  # connections of one host, so that it fills no memory by making more
GREET_S: Final = 5.0  # that a connection may last without a hello
SPARE_S: Final = 2.0  # that a connection not used any more stays, for what is under way
SPARE_MAX_S: Final = 30.0  # the same, while it has streams


class HostLink(Link):
    """A connection, and by what path it goes."""

    path: Path = "direct"
    ask_again_at = 0.0
    spare_since: float | None = None


class Owner(Protocol):
    """Who is told. All of it is quick."""

    def linked(self, key: PublicKey, link: HostLink, hello: PeerHello) -> None:
        """There is a connection to this host."""

    def unlinked(self, key: PublicKey) -> None:
        """There is none any more."""

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        """A host says something."""

    def opened(self, link: Link, stream: Stream) -> None:
        """A host opened a stream."""


class Switchboard:
    """Listens to every link. `hello` gives what we say first; None: we belong to no cluster."""

    def __init__(self, me: PublicKey, hello: Callable[[], PeerHello | None], owner: Owner) -> None:
        self._me = me
        self._hello = hello
        self._owner = owner
        self._links: dict[PublicKey, list[HostLink]] = {}
        self._strangers: set[HostLink] = set()  # have not said hello

    def arrived(self, port: Port, key: PublicKey, *, dialled: bool, path: Path = "direct") -> HostLink:
        """A connection was made; say hello on it."""
        first = choose.first_number(self._me, key)
        link = HostLink(port, key, self, first=first, dialled=dialled)
        link.path = path
        self._strangers.add(link)
        hello = self._hello()
        if hello is None:
            link.end("alone", "this host belongs to no cluster")
        elif len(self._of(key)) > LINKS_MAX:
            link.end("busy", f"{LINKS_MAX} connections of this host are open")
        else:
            link.say(hello)
        return link

    def best(self, key: PublicKey) -> HostLink | None:
        """The connection to use for a host."""
        links = self._links.get(key, ())
        return links[0] if len(links) == 1 else choose.best(links, self._me, key)

    def used(self) -> list[HostLink]:
        """The connection to use for each host that has one."""
        return [link for key in self._links if (link := self.best(key)) is not None]

    def all(self) -> Iterator[HostLink]:
        """Every connection, also those that have not said hello."""
        yield from tuple(self._strangers)
        for links in tuple(self._links.values()):
            yield from tuple(links)

    def cut(self, key: PublicKey, code: str, text: str) -> None:
        """End every connection to a host."""
        for link in self._of(key):
            link.end(code, text)

    def close(self, code: str, text: str) -> None:
        """End every connection."""
        for link in self.all():
            link.end(code, text)

    def tidy(self, now: float) -> None:
        """End what never said hello, and what is not used any more."""
        for link in tuple(self._strangers):
            if now - link.made_at > GREET_S:
                link.end("not-joined", f"no hello within {GREET_S:g} s")
        for key, links in tuple(self._links.items()):
            best = self.best(key)
            if best is not None:
                best.spare_since = None
            for link in tuple(links) if len(links) > 1 else ():
                if link is not best:
                    self._spare(link, now)

    def _of(self, key: PublicKey) -> list[HostLink]:
        """Every connection of a host, also those that have not said hello."""
        return [*self._links.get(key, ()), *(link for link in self._strangers if link.key == key)]

    def _spare(self, link: HostLink, now: float) -> None:
        since = link.spare_since = now if link.spare_since is None else link.spare_since
        if now - since > (SPARE_MAX_S if link.streams else SPARE_S):
            link.end("spare", "another connection is used")

    # What links tell.

    def greeted(self, link: Link, hello: PeerHello) -> None:
        """The other side has said who it is: it must be who its connection proves, and of our cluster."""
        assert isinstance(link, HostLink)  # made by `arrived`
        mine = self._hello()
        self._strangers.discard(link)
        if hello.key != link.key:
            link.end("wrong-home", "the connection proves another key than the hello says")
        elif mine is None or hello.cluster != mine.cluster:
            link.end("wrong-home", "this host is of another cluster")
        else:
            self._links.setdefault(link.key, []).append(link)
            self._owner.linked(link.key, link, hello)

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        """Pass it on."""
        self._owner.told(link, note)

    def opened(self, link: Link, stream: Stream) -> None:
        """Pass it on."""
        self._owner.opened(link, stream)

    def ended(self, link: Link, code: str, text: str) -> None:
        """One less; the owner hears when it was the last."""
        log.info("host=%s link over code=%s: %s", link.key.hex()[:16], code, text)
        assert isinstance(link, HostLink)
        self._strangers.discard(link)
        links = self._links.get(link.key, [])
        if link in links:
            links.remove(link)
            if not links:
                del self._links[link.key]
                self._owner.unlinked(link.key)


class News:
    """Wakes all who wait for anything to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake them."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Until the next time."""
        await self._event.wait()
