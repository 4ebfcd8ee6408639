"""`python -P -m plugins.skychat.server`: the chat of one node, with its page and its verbs' methods."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from components.visor.app import App, AppError, Stream, parse_key
from components.visor.kit import process
from components.visor.kit.folder import state_folder
from components.visor.kit.kept import KeptVisor
from components.visor.kit.page import Page, secret_of
from components.visor.kit.store import StoreError, Writer
from components.visor.kit.tasks import first_of
from plugins.skychat.arriving import Arriving
from plugins.skychat.chat import Chat
from plugins.skychat.couriers import Couriers
from plugins.skychat.desk import Desk
from plugins.skychat.feed import Feed
from plugins.skychat.methods import Methods
from plugins.skychat.options import Options, options
from plugins.skychat.pages import PUBLIC, Pages
from plugins.skychat.schema import SCHEMA

log = logging.getLogger(__name__)

SWEEP_S: Final = 3600.0
PATIENCE_S: Final = 10.0
HOW: Final = "`viscript chat page` gives a link for a browser, and a file for curl"


class NoFolder(AppError):
    """The files of the chat cannot be had."""


class Server:
    """A chat with these options. Raises `Misuse` for a key that is none, `NoFolder`."""

    chat: Chat  # these are there once it is ready
    couriers: Couriers
    arriving: Arriving
    patience_s = PATIENCE_S  # with a visor that is just starting

    def __init__(self, given: Options) -> None:
        self._given = given
        self._begun = asyncio.Event()
        self._allowed = frozenset(parse_key(text) for text in given.allow)
        self._visor = KeptVisor(self._connected, given.port, self._serve)
        try:
            self.folder = given.state or state_folder(given.name, os.environ)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._page = self._made_page(self.folder / "secret")
        except OSError as exc:
            raise NoFolder(f"no place for the texts: {exc}") from exc
        self._methods = Methods(self._page)

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        """What the verbs ask."""
        return self._methods.all

    async def run(self, ready: process.Ready) -> None:
        """Chat for ever. Raises `PortError`, or `AppError` when there is no visor at the start."""
        there = asyncio.Event()
        async with AsyncExitStack() as stack:
            try:
                writer = await stack.enter_async_context(Writer(self.folder / "chat.db", SCHEMA))
            except StoreError as exc:
                raise NoFolder(f"the texts cannot be read: {exc}") from exc
            await first_of(self._visor.run(lambda app: there.set()), self._chat(stack, writer, there, ready))

    async def _chat(
        self, stack: AsyncExitStack, writer: Writer, there: asyncio.Event, ready: process.Ready
    ) -> None:
        await there.wait()
        app = await self._visor.app()
        desk = Desk(writer, Feed(), bytes(app.key))
        couriers = Couriers(desk, self._visor, self._given.port)
        arriving = Arriving(desk, self._given.port, self._is_welcome, couriers.heard_of)
        chat = Chat(desk, self._visor, couriers, tells_reading=self._given.tells_reading)
        told = {"key": app.key.hex(), "port": str(self._given.port)}
        if self._page is not None:
            Pages(chat, self._page)
            await stack.enter_async_context(self._page.listening())
            told["page"] = self._page.address
            _write_curl(self.folder / "curl", self._page.token)
        self.chat, self.couriers, self.arriving = chat, couriers, arriving
        self._begun.set()
        self._methods.use(chat, arriving, self.folder)
        ready(told)
        await first_of(couriers.run(), arriving.letters(self._visor), _sweep(desk))

    def _made_page(self, secret: Path) -> Page | None:
        if self._given.page is None:
            return None
        return Page(self._given.name, secret_of(secret), self._given.page, how=HOW, public=PUBLIC)

    async def _serve(self, stream: Stream) -> None:
        await self._begun.wait()
        await self.arriving.serve(stream)

    def _connected(self) -> App:
        return App.connect(self._given.visor, name=self._given.name, patience_s=self.patience_s)

    def _is_welcome(self, key: bytes) -> bool:
        return not self._allowed or key in self._allowed

    async def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who and where this chat is, and what waits."""
        return {"name": self._given.name, "visor": self._visor.is_there, **await self._methods.figures()}


def _write_curl(path: Path, token: str) -> None:
    """What `curl -K` needs to be let in."""
    text = f'header = "Authorization: Bearer {token}"\nheader = "Content-Type: application/json"\n'
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


async def _sweep(desk: Desk) -> None:
    """Now and then, show what waited too long for texts before it."""
    while True:
        try:
            await desk.sweep()
        except StoreError as exc:
            log.warning("the store does not answer: %s", exc)
        await asyncio.sleep(SWEEP_S)


if __name__ == "__main__":
    sys.exit(process.main("skychat", lambda: Server(options(sys.argv[1:]))))
