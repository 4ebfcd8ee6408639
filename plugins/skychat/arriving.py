"""What comes to us: streams of peers that are there, and letters of those who were."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

from components.visor.app import App, AppError, Fate, Letter, Stream
from components.visor.kit.kept import KeptVisor
from components.visor.kit.tasks import first_of
from plugins.skychat.desk import Desk, Full, StoreError, Unread
from plugins.skychat.progress import of_letter
from plugins.skychat.wire import HEAD, MAGIC, MAX_RECORD, Got, Item, WireError, item_of, record, size_of

log = logging.getLogger(__name__)

MAGIC_S: Final = 10.0
SILENT_S: Final = 150.0  # more than twice what a peer keeps an idle stream
STREAMS: Final = 256
STREAMS_OF_ONE: Final = 4
TOGETHER: Final = 64  # items that are kept together
READ_BYTES: Final = 256 * 1024
NOT_WELCOME: Final = 257
OTHER_CHAT: Final = 258
BUSY: Final = 259
AGAIN_S: Final = 1.0


class Cutter:
    """Bytes of a stream, cut into items. Raises `WireError`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes, however they were split."""
        self._buffer += data

    def items(self) -> list[Item]:
        """The next items that are whole, up to `TOGETHER`."""
        found: list[Item] = []
        while len(found) < TOGETHER and len(self._buffer) >= HEAD:
            end = HEAD + size_of(bytes(self._buffer[:HEAD]))
            if len(self._buffer) < end:
                break
            found.append(item_of(bytes(self._buffer[HEAD:end])))
            del self._buffer[:end]
        return found


class Arriving:
    """`welcome` tells whether a key may write to us; `heard_of` hears who is there."""

    def __init__(
        self, desk: Desk, port: int, welcome: Callable[[bytes], bool], heard_of: Callable[[bytes], None]
    ) -> None:
        self._desk = desk
        self._port = port
        self._welcome = welcome
        self._heard_of = heard_of
        self._open: Counter[bytes] = Counter()
        self.refused = 0
        self.put_off: dict[bytes, Full] = {}  # whose letters found no room since we began to collect

    # -- streams

    async def serve(self, stream: Stream) -> None:
        """Take all of one stream; whatever happens stays in it."""
        peer = bytes(stream.peer)
        if not self._welcome(peer):
            await self._refuse(stream, NOT_WELCOME, "its key is not on the list")
        elif self._open.total() >= STREAMS or self._open[peer] >= STREAMS_OF_ONE:
            await self._refuse(stream, BUSY, "too many streams")
        else:
            self._open[peer] += 1
            try:
                async with stream:
                    await self._take(stream, peer)
            except (AppError, EOFError, TimeoutError, StoreError) as exc:
                log.info("peer=%s: its stream ended: %s", peer.hex()[:8], str(exc) or "it says nothing")
            finally:
                self._open[peer] -= 1
                self._open += Counter()  # forgets who has none

    async def _take(self, stream: Stream, peer: bytes) -> None:
        async with asyncio.timeout(MAGIC_S):
            magic = await stream.readexactly(len(MAGIC))
        if magic != MAGIC:
            await self._refuse(stream, OTHER_CHAT, "it speaks another chat, or another version")
            return
        self._heard_of(peer)
        try:
            await self._items(stream, peer)
        except (WireError, Full) as exc:
            await self._refuse(stream, OTHER_CHAT if isinstance(exc, WireError) else BUSY, str(exc))

    async def _items(self, stream: Stream, peer: bytes) -> None:
        cutter = Cutter()
        while data := await _read(stream):
            cutter.feed(data)
            while items := cutter.items():
                next_ = await self._desk.take(peer, items)
                self._found_room(peer)
                stream.write(record(Got(len(items), next_)))
                await stream.drain()

    async def _refuse(self, stream: Stream, code: int, why: str) -> None:
        self.refused += 1
        log.warning("refused peer=%s: %s", stream.peer.hex()[:8], why)
        with contextlib.suppress(AppError):
            await stream.abort(code)
        stream.close()

    # -- letters

    async def letters(self, visor: KeptVisor) -> None:
        """Collect letters, and hear how far ours came, at each visor there is; until cancelled."""
        while True:
            try:
                app = await visor.app()
                await first_of(self._collect(app), self._fates(app), self._roomier())
            except (AppError, TimeoutError, StoreError) as exc:
                log.info("no letters: %s", str(exc) or "the visor is away")
            await asyncio.sleep(AGAIN_S)

    async def _collect(self, app: App) -> None:
        self.put_off.clear()
        async for letter in app.mail.collect(self._port):
            try:
                await self._keep(letter)
            except Full as exc:
                log.info("letters wait at the visor: %s", exc)
                self.put_off[letter.pk] = exc
                await app.mail.later(letter)
            else:
                await app.mail.took(letter)
                self._found_room(letter.pk)

    def _found_room(self, peer: bytes) -> None:
        if peer in self.put_off:
            self._desk.roomier.set()

    async def _roomier(self) -> None:
        """Until there may be room for what was put off."""
        while True:
            self._desk.roomier.clear()
            await self._desk.roomier.wait()
            if self.put_off:
                return

    async def _keep(self, letter: Letter) -> None:
        """Raises `Full`: it stays where it is then."""
        if isinstance(known := self.put_off.get(letter.pk), Unread):
            raise known  # the store need not be asked again for each
        if not self._welcome(letter.pk):
            self.refused += 1
            log.warning("refused a letter of peer=%s: its key is not on the list", letter.pk.hex()[:8])
            return
        try:
            await self._desk.take(letter.pk, [item_of(letter.data)])
        except WireError as exc:
            log.warning("a letter of peer=%s: %s", letter.pk.hex()[:8], exc)

    async def _fates(self, app: App) -> None:
        while True:
            await self._fate(await app.mail.fate())

    async def _fate(self, fate: Fate) -> None:
        state = of_letter(fate.state)
        if state is not None:
            await self._desk.letter_told(fate.letter, state)


async def _read(stream: Stream) -> bytes:
    async with asyncio.timeout(SILENT_S):
        return await stream.read(min(READ_BYTES, 4 * MAX_RECORD))
