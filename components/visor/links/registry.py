"""Tells a registrar which transports there are, off everybody's way. The latest word on each is what counts.

One task speaks; what changes meanwhile is noted by transport, so that there is never more to say than there
are transports. What fails is said again after a while.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Final, NamedTuple

from components.mesh.transport import SignedEntry
from components.visor.links.api import Registrar
from components.visor.links.backoff import Backoff
from components.visor.links.limits import FIRST_DELAY_S, REGISTRAR_LONGEST_S, REGISTRAR_S, TRANSPORTS

log = logging.getLogger(__name__)

NOTED_MOST: Final = 2 * TRANSPORTS


class Word(NamedTuple):
    """What is to be said of one transport."""

    entry: SignedEntry
    up: bool
    rtt_us: int = 0  # not known


class Announcer:
    """Says what is noted, in the order of noting; `run` until it is cancelled."""

    def __init__(self, registrar: Registrar, chance: Callable[[], float]) -> None:
        self._registrar = registrar
        self._words: dict[uuid.UUID, Word] = {}
        self._noted = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._backoff = Backoff(chance, first_s=FIRST_DELAY_S, longest_s=REGISTRAR_LONGEST_S)

    def note(self, id: uuid.UUID, entry: SignedEntry, *, up: bool, rtt_us: int = 0) -> None:
        """What is to be said of a transport now. Where too many wait, the oldest word is dropped."""
        self._words.pop(id, None)
        self._words[id] = Word(entry, up, rtt_us)
        if len(self._words) > NOTED_MOST:
            dropped = next(iter(self._words))
            del self._words[dropped]
            log.warning("not registered id=%s: %d others wait", dropped, NOTED_MOST)
        self._quiet.clear()
        self._noted.set()

    async def quiet(self) -> None:
        """Wait until all is said."""
        await self._quiet.wait()

    async def run(self) -> None:
        """Speak for ever."""
        while True:
            await self._noted.wait()
            while self._words:
                await self._say(*next(iter(self._words.items())))
            self._noted.clear()
            self._quiet.set()

    async def _say(self, id: uuid.UUID, word: Word) -> None:
        try:
            async with asyncio.timeout(REGISTRAR_S):
                await self._tell(id, word)
        except Exception as exc:  # noqa: BLE001 - whatever ails a service, links stand without it
            delay_s = self._backoff.next_delay()
            log.info("not registered id=%s, again in %.1f s: %s %s", id, delay_s, type(exc).__name__, exc)
            await asyncio.sleep(delay_s)
            if id in self._words:
                self._words[id] = self._words.pop(id)  # others first
            return
        self._backoff.reset()
        if self._words.get(id) is word:
            del self._words[id]

    async def _tell(self, id: uuid.UUID, word: Word) -> None:
        """Register what is up each time: a service may have forgotten it."""
        if word.up:
            await self._registrar.register(word.entry)
        await self._registrar.status(id, word.up, word.rtt_us)
