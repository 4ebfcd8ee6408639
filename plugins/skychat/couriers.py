"""Bringing our texts to their receivers: by a stream where the peer is there, else by letters.

A peer that could not be dialled is not dialled again for a while, and what is written to it meanwhile goes
by letter at once; it is dialled at once when it dials us. A chat that starts dials those it talked to last:
what they have for it comes then. Whatever went by letter and was not delivered goes
by stream too: the receiver shows each text once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from components.visor.app import App, AppError
from components.visor.kit.kept import KeptVisor
from components.visor.kit.tasks import cause_of
from plugins.skychat import history, outgoing
from plugins.skychat.desk import Desk, StoreError
from plugins.skychat.direct import Direct
from plugins.skychat.outgoing import Copy
from plugins.skychat.progress import of_letter
from plugins.skychat.wire import WireError, letter

log = logging.getLogger(__name__)

MOST: Final = 64  # peers served at once
DIAL_S: Final = 8.0
AGAIN_S: Final = (2.0, 60.0)  # doubling
LETTERS_AT_ONCE: Final = 32
GREETED: Final = 32  # peers that are dialled when the chat starts
AWAY: Final = (AppError, WireError, EOFError, TimeoutError)


@dataclass
class Route:
    """What we know of one peer."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_served: bool = False
    due: float = 0.0
    failures: int = 0
    dial_at: float = 0.0
    posted: int = 0  # the last number that went by letter, on the connection `through`
    through: App | None = None
    is_heard: bool = False  # it dialled us since this round began
    greets: bool = False  # it is dialled although there is nothing for it: its texts for us can come then


class Couriers:
    """`stir` whenever there is something for a peer."""

    def __init__(self, desk: Desk, visor: KeptVisor, port: int) -> None:
        self._desk = desk
        self._visor = visor
        self._port = port
        self._routes: dict[bytes, Route] = {}
        self._wake = asyncio.Event()
        self._crowded = False  # more peers wait than can be served at once

    def stir(self, peer: bytes) -> None:
        """Something is to be brought."""
        route = self._route(peer)
        route.due = 0.0
        route.wake.set()
        self._wake.set()

    def heard_of(self, peer: bytes) -> None:
        """The peer is there: it dialled us."""
        route = self._routes.get(peer)
        if route is not None:
            route.is_heard = True
            route.dial_at = route.due = 0.0
            self._wake.set()

    async def run(self) -> None:
        """Serve those who lack something, until cancelled."""
        for peer in await self._desk.writer.run(outgoing.waiting):
            self._route(peer)
        for peer in await self._desk.writer.run(partial(history.recent, limit=GREETED)):
            self._route(peer).greets = True
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = _now()
                room = MOST - sum(route.is_served for route in self._routes.values())
                ready = [(peer, route) for peer, route in self._routes.items() if _is_due(route, now)]
                for peer, route in ready[:room]:
                    route.is_served = True
                    group.create_task(self._guarded(peer, route))
                self._crowded = len(ready) > room
                for route in self._routes.values() if self._crowded else ():
                    route.wake.set()  # who has nothing to carry leaves
                await self._rest(not self._crowded)

    async def _rest(self, has_room: bool) -> None:
        dues = [route.due for route in self._routes.values() if not route.is_served]
        limit = min(dues) if dues and has_room else None
        try:
            async with asyncio.timeout_at(limit):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _guarded(self, peer: bytes, route: Route) -> None:
        route.wake.clear()
        try:
            await self._round(peer, route)
        except (AppError, TimeoutError, StoreError) as exc:
            log.info("texts wait to=%s: %s", peer.hex()[:8], str(exc) or "the visor is away")
        except Exception:  # a bug in one round must not stop the others
            log.exception("texts to=%s failed", peer.hex()[:8])
        lacks = await self._lacks(peer)
        route.is_served = False
        if route.wake.is_set() or (lacks and route.is_heard):  # also while the store was asked
            route.due = 0.0
        elif lacks:
            route.due = max(route.dial_at, _now() + AGAIN_S[0])
        else:
            del self._routes[peer]
        self._wake.set()

    async def _lacks(self, peer: bytes) -> bool:
        """Whether there is something for a peer; a store that does not answer is asked again."""
        try:
            return bool(await self._desk.copies(peer, 0) or await self._desk.unseen(peer))
        except StoreError as exc:
            log.warning("the store does not answer: %s", exc)
            return True

    async def _round(self, peer: bytes, route: Route) -> None:
        app = await self._visor.app()
        route.is_heard = False
        if _now() >= route.dial_at:
            try:
                async with asyncio.timeout(DIAL_S):
                    stream = await app.dial(peer, self._port)
                async with stream:
                    route.failures = 0
                    await Direct(self._desk, peer, route.wake, lambda: self._may_stay(route)).run(stream)
                return
            except AWAY as exc:
                log.info("no stream to=%s: %s", peer.hex()[:8], exc)
                route.failures += 1
                pause_s = min(AGAIN_S[0] * 2 ** min(route.failures, 10), AGAIN_S[1])
                route.dial_at = 0.0 if route.is_heard else _now() + pause_s
        await self._by_letters(peer, route, app)

    def _may_stay(self, route: Route) -> bool:
        """Whether a stream with nothing to carry is kept for a while; a greeting is over at once."""
        greets, route.greets = route.greets, False
        return not (greets or self._crowded)

    # -- letters

    async def _by_letters(self, peer: bytes, route: Route, app: App) -> None:
        if route.through is not app:
            route.through, route.posted = app, 0
        while batch := await self._desk.copies(peer, route.posted):
            for at in range(0, len(batch), LETTERS_AT_ONCE):
                await self._post_all(app, peer, batch[at : at + LETTERS_AT_ONCE])
            route.posted = batch[-1].number
        while seen := await self._desk.unseen(peer):
            await app.mail.post(peer, self._port, letter(seen))
            await self._desk.seen_told(peer, seen)

    async def _post_all(self, app: App, peer: bytes, copies: list[Copy]) -> None:
        """Raises the first error."""
        try:
            async with asyncio.TaskGroup() as group:
                for copy in copies:
                    group.create_task(self._post(app, peer, copy))
        except BaseExceptionGroup as raised:
            raise cause_of(raised) from None

    async def _post(self, app: App, peer: bytes, copy: Copy) -> None:
        word = await app.mail.post(peer, self._port, letter(copy.say), letter=copy.letter)
        state = of_letter(word)
        if state is not None:
            await self._desk.letter_told(copy.letter, state)

    def _route(self, peer: bytes) -> Route:
        return self._routes.setdefault(peer, Route())


def _is_due(route: Route, now: float) -> bool:
    return not route.is_served and route.due <= now


def _now() -> float:
    return asyncio.get_running_loop().time()
