"""The writer a running verb holds: text and rows, in the caller's format, to the caller's sink."""

from typing import Final, Protocol

from viscript.render.formats import row_text
from viscript.render.text import to_ascii
from viscript.verbs.table import Format, Terminal, Verb

PIECE: Final = 64 * 1024  # characters of one write


class ReaderGoneError(ConnectionError):
    """Nobody reads any more what a sink is given; its verb need not go on."""


class Sink(Protocol):
    """Where text goes; a slow reader makes these wait. They raise `ReaderGoneError`."""

    async def out(self, text: str) -> None:
        """Text for stdout."""

    async def err(self, text: str) -> None:
        """Text for stderr."""


class FormatWriter:
    """Implements `viscript.verbs.table.Writer` on a sink."""

    def __init__(self, sink: Sink, verb: Verb, fmt: Format, terminal: Terminal) -> None:
        self._sink = sink
        self._verb = verb
        self._format = fmt
        self._terminal = terminal

    async def out(self, text: str) -> None:
        """Text for stdout, in pieces."""
        text = to_ascii(text) if self._terminal.ascii else text
        for at in range(0, len(text), PIECE):
            await self._sink.out(text[at : at + PIECE])

    async def err(self, text: str) -> None:
        """Text for stderr."""
        await self._sink.err(to_ascii(text) if self._terminal.ascii else text)

    async def row(self, data: object) -> None:
        """One row of a streamed answer."""
        await self._sink.out(row_text(self._verb, data, self._format, self._terminal))
