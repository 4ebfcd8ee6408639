"""The asking end of a door on another host: the door's own protocol, through a stream between hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from viscript.cluster.links.api import HostState, Stream
from viscript.door.protocol import line
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Terminal

LONGEST_LINE: Final = 2 * 1024 * 1024
HANG_UP_S: Final = 0.15

Answer = dict[str, Any]  # Any: JSON; whoever reads a field checks it


class Conversation:
    """Asks once; then the answers come, one after the other."""

    def __init__(self, stream: Stream, host: HostState) -> None:
        self._stream = stream
        self._host = host
        self._arrived = bytearray()
        self._at = self._searched = 0  # where the next line begins, and up to where it has no end

    @property
    def rest(self) -> bytes:
        """What arrived behind the last answer."""
        return bytes(self._arrived[self._at :])

    async def ask(self, request: Mapping[str, Any]) -> None:  # Any: JSON
        """Send the request, or another line. Raises `HostAway` or `StreamRefused`."""
        await self._stream.write(line({"v": 1, "called": self._host.label, **request}))

    async def interrupt(self) -> None:
        """Ask to give the running verb up."""
        await self._stream.write(line({"i": 1}))

    async def answer(self) -> Answer | None:
        """The next; None when the other end has ended. Raises as `ask`, and `VerbError` for nonsense."""
        while (whole := self._line()) is None:
            if len(self._arrived) > LONGEST_LINE:
                raise self._nonsense()
            data = await self._stream.read()
            if not data:
                return None
            self._arrived += data
        return self._answer(whole)

    def _line(self) -> bytes | None:
        """The next whole line. Each byte is looked at once, in however many pieces and lines it comes."""
        end = self._arrived.find(b"\n", self._searched)
        if end >= 0:
            whole = bytes(self._arrived[self._at : end])
            self._at = self._searched = end + 1
            return whole
        del self._arrived[: self._at]
        self._at, self._searched = 0, len(self._arrived)
        return None

    def _answer(self, text: bytes) -> Answer:
        try:
            found = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise self._nonsense() from exc
        code = found.get("x", 0)
        if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 255:
            raise self._nonsense()
        return found

    def _nonsense(self) -> VerbError:
        return VerbError(ExitCode.FAILED, f"{self._host.label} does not answer as a daemon does")


async def hang_up(stream: Stream) -> None:
    """Be done with a stream; a host that does not hear that is not waited for."""
    try:
        async with asyncio.timeout(HANG_UP_S):
            await stream.close()
    except TimeoutError:
        await stream.close("left", "the caller has left")


def tty(terminal: Terminal) -> dict[str, Any]:  # Any: JSON
    """A terminal as a request tells of it."""
    return {
        "out": terminal.out,
        "err": terminal.err,
        "in": terminal.into,
        "columns": terminal.columns,
        "colour": terminal.colour,
        "ascii": terminal.ascii,
    }
