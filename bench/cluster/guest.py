"""One simulated host: a real socket with its own key, the notes of a host, and canned answers at its door."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Final, Protocol

import msgspec
import zmq

import viscript
from bench.cluster.guestdoor import GuestDoor
from signal_bus.errors import PeerError, Unreachable
from signal_bus.identity import Identity
from signal_bus.ids import CurveKey, PublicKey
from signal_bus.peers.dialer import hold
from signal_bus.peers.link import Link, Port
from signal_bus.peers.messages import PeerHello, PeerRoster, PeerState
from signal_bus.peers.stream import Stream
from signal_bus.reactor import Socket
from signal_bus.wire import Keys
from viscript.cluster.links import choose
from viscript.cluster.model import Card, sign_card

AGAIN_S: Final = 1.0
_json: Final = msgspec.json.Encoder().encode


class Town(Protocol):
    """What all simulated hosts share."""

    cluster: PublicKey
    digest: bytes

    def news(self, page: PeerRoster) -> None:
        """Records that somebody told."""

    def answer(self, have: bytes) -> list[PeerRoster]:
        """The records that are not among those."""

    def keep(self, card: bytes) -> None:
        """A card of one of them."""

    def asks(self, digest: bytes) -> bool:
        """Whether one of them has to ask who holds this."""

    def question(self) -> PeerRoster:
        """What it asks."""


class Guest:
    """Dials the daemon that is measured, or waits for it; `tell` is called each second by the crowd."""

    def __init__(self, identity: Identity, label: str, town: Town, apps: int) -> None:
        self.key = identity.public_key
        self.link: Link | None = None
        self.heard = 0  # notes of the daemon
        self._identity = identity
        self._curve = identity.curve()
        self._label = label
        self._town = town
        self._echo = (0.0, 0.0)
        self._rows = [_app(number, label) for number in range(1, apps + 1)]
        self._serve: Callable[[Stream], object] = lambda stream: None

    async def run(
        self, context: zmq.Context[Socket], daemon: PublicKey, curve: CurveKey, endpoint: str
    ) -> None:
        """Dial the daemon, again and again, until cancelled."""
        arrived = partial(self._arrived, daemon, dialled=True)
        async with self._serving():
            while True:
                with contextlib.suppress(Unreachable):
                    await hold(context, endpoint, Keys(curve, self._curve), arrived)
                await asyncio.sleep(AGAIN_S)

    async def listen(self, context: zmq.Context[Socket], daemon: PublicKey, endpoint: str) -> None:
        """Wait for the daemon to dial, until cancelled."""
        async with self._serving():
            door = GuestDoor(context, self._curve, endpoint, partial(self._arrived, daemon, dialled=False))
            try:
                await asyncio.Event().wait()
            finally:
                door.close()

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Streams that the daemon opens are answered meanwhile."""
        async with asyncio.TaskGroup() as group:
            self._serve = lambda stream: group.create_task(self._answer(stream))
            yield

    def _arrived(self, daemon: PublicKey, port: Port, *, dialled: bool) -> Link:
        first = choose.first_number(self.key, daemon)
        link = Link(port, daemon, self, first=first, dialled=dialled)
        link.say(self._hello())
        return link

    def tell(self, number: int) -> None:
        """How it is, and one event to whoever listens."""
        if self.link is None:
            return
        now = time.time()
        echo, at = self._echo
        self.link.state(
            PeerState(
                time=now,
                echo=echo,
                held_s=max(0.0, now - at) if echo else 0.0,
                started_at=now - 1000,
                apps_up=len(self._rows),
                apps_total=len(self._rows),
                cpu_percent=3.0 + number % 7,
                memory_bytes=(1 << 30) + number,
                memory_total=4 << 30,
                roster=self._town.digest,
            )
        )

    def announce(self, version: int) -> None:
        """Say of itself what nobody knew: a card with another address."""
        card = Card(
            key=self.key, curve=self._curve.public, addresses=(f"tcp://127.0.0.1:{version}",), version=version
        )
        record = sign_card(card, self._identity).record
        self._town.keep(record)
        if self.link is not None:
            self.link.say(PeerRoster(cards=(record,)))

    # What its link tells.

    def greeted(self, link: Link, hello: PeerHello) -> None:
        """The daemon has said who it is."""
        del hello
        self.link = link

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        """The daemon says how it is, or tells of records."""
        if isinstance(note, PeerState):
            self.heard += 1
            self._echo = (note.time, time.time())
            if self._town.asks(note.roster):
                link.say(self._town.question())
            return
        self._town.news(note)
        if note.have is not None:
            for page in self._town.answer(note.have):
                link.say(page)

    def opened(self, link: Link, stream: Stream) -> None:
        """The daemon asks something."""
        del link
        self._serve(stream)

    def ended(self, link: Link, code: str, text: str) -> None:
        """The link is over."""
        del code, text
        if link is self.link:
            self.link = None

    # Its door.

    async def _answer(self, stream: Stream) -> None:
        try:
            await stream.write(b'{"k":1}\n')
            request = await self._request(stream)
            if "subscribe" in request or "-f" in request.get("argv", ()):
                await self._follow(stream, subscribed="subscribe" in request)
            else:
                await stream.write(self._said(request.get("argv", ())))
                await stream.close()
        except (OSError, PeerError):
            pass  # whoever asked has left

    async def _request(self, stream: Stream) -> Mapping[str, list[str]]:
        data = b""
        while b"\n" not in data:
            piece = await stream.read()
            if not piece:
                raise ConnectionResetError("no request came")
            data += piece
        found: dict[str, list[str]] = msgspec.json.decode(data.partition(b"\n")[0])
        return found

    async def _follow(self, stream: Stream, *, subscribed: bool) -> None:
        """An event each second, until the listener leaves."""
        number = 0
        await asyncio.sleep(random.random())  # hosts do not keep step
        while True:
            number += 1
            event = _event(number)
            answer = {"ev": event} if subscribed else {"o": _json(event).decode() + "\n"}
            await stream.write(_json(answer) + b"\n")
            await asyncio.sleep(1.0)

    def _said(self, argv: list[str]) -> bytes:
        rows: object = self._rows if "la" in argv or "list_apps" in argv else _PING
        text = (
            _json(rows).decode() + "\n" if "json" in argv else f"[{self._label}/1] web answered in 180 us\n"
        )
        return _json({"o": text}) + b"\n" + b'{"x":0}\n'

    def _hello(self) -> PeerHello:
        return PeerHello(
            cluster=self._town.cluster,
            key=self.key,
            label=self._label,
            version=viscript.__version__,
            roster=self._town.digest,
        )


_PING: Final = {
    "id": 1, "kind": "process", "count": 1, "lost": 0, "name": "web",
    "min_seconds": 0.0002, "median_seconds": 0.0002, "max_seconds": 0.0002,
}  # fmt: skip


def _app(number: int, label: str) -> dict[str, object]:
    return {
        "id": number, "generation": 1, "name": f"web-{number}", "app": "web", "state": "running",
        "since": time.time(), "pid": 1000 + number, "uptime_seconds": 60.0, "restarts": 0,
        "cpu_percent": 1.0, "rss_bytes": 1 << 24, "last_exit": None, "conditions": [], "host": label,
        "state_seconds": 60.0, "retry_seconds": None, "reason": "", "command": "/usr/bin/web --serve",
        "enabled": True, "next_run": None, "next_run_seconds": None,
    }  # fmt: skip


def _event(number: int) -> dict[str, object]:
    return {
        "cursor": number, "time": time.time(), "host": "", "object": "app/1", "type": "app.backoff",
        "reason": "exited with 1", "actor": "viscript", "data": {"name": "web", "code": 1, "delay": 1.0},
    }  # fmt: skip
