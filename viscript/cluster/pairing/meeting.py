"""One pairing on one connection: carries the bytes of a side, keeps its deadlines, and asks its person.

    shake      10 s    from the connection to the words; for a joiner over the mesh 40 s
    compare   180 s    until both persons said yes
    keep       20 s    until the records are kept on both hosts
    close     0.5 s    to let the other side read our last word

The task that runs a meeting is the only one that reads its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from viscript.cluster.pairing.inviter import Inviter
from viscript.cluster.pairing.joiner import Joiner
from viscript.cluster.pairing.side import OVER, Agreed, Compare, Ended, Other, Output, Phase, Send, Welcomed
from viscript.errors import ExitCode, VerbError

log = logging.getLogger(__name__)

SHAKE_S: Final = 10.0
COMPARE_S: Final = 180.0
KEEP_S: Final = 20.0
CLOSE_S: Final = 0.5
CHUNK: Final = 4096
_CONFIRMED: Final = frozenset({Phase.MINE, Phase.AGREED, Phase.TAKEN, Phase.KEEPING})
_TOO_SLOW: Final[dict[Phase, str]] = {
    Phase.WORDS: f"nobody confirmed the words within {COMPARE_S:g} s",
    Phase.THEIRS: f"nobody confirmed the words here within {COMPARE_S:g} s",
    Phase.MINE: f"the other side did not confirm the words within {COMPARE_S:g} s",
    Phase.AGREED: f"no record of the new member was made within {KEEP_S:g} s",
    Phase.TAKEN: f"the new member did not say within {KEEP_S:g} s that it has kept its record",
    Phase.KEEPING: f"the membership could not be kept within {KEEP_S:g} s",
}


class Meeting:
    """`run` it; `shown` is set once there are words, or it is over. `over` is done when it is over."""

    def __init__(
        self,
        side: Inviter | Joiner,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        agreed: Callable[[Meeting], None],
        welcomed: Callable[[Meeting, tuple[bytes, ...]], None],
        shake_s: float | None = None,
    ) -> None:
        self.side = side
        self.is_counted = False  # whether its end was told to the invitation
        self.is_admitted = False  # whether the other side was made a member by it
        self.label = ""  # of the joiner, as this host's person chose it
        self.shown = asyncio.Event()
        self.decided = asyncio.Event()  # this host's person has said yes, or it is over
        self.ended: Ended | None = None
        self.over = asyncio.Event()
        self._reader, self._writer = reader, writer
        self._agreed, self._welcomed = agreed, welcomed
        self._deadline: asyncio.Timeout | None = None
        self._shake_s = SHAKE_S if shake_s is None else shake_s

    @property
    def words(self) -> str:
        """What the screens show; empty before."""
        return self.side.words

    @property
    def other(self) -> Other:
        """Whom the words are compared with."""
        assert self.side.other is not None, "known with the words"
        return self.side.other

    @property
    def waits_for_us(self) -> bool:
        """Whether this host's person has still to answer."""
        return self.side.phase in (Phase.WORDS, Phase.THEIRS)

    @property
    def is_confirmed(self) -> bool:
        """Whether this host's person said yes."""
        return self.side.phase in _CONFIRMED

    def yes(self) -> None:
        """This host's person says that the words are the same."""
        self.carry(self.side.yes())
        self.decided.set()

    def no(self, text: str = "") -> None:
        """This host's person says that they are not (no text), or gives up."""
        self.carry(self.side.no(text))

    async def run(self) -> None:
        """The whole of it. Never raises for what the other side does."""
        try:
            await self._talk()
        except TimeoutError:
            late = f"the other side did not shake hands within {self._shake_s:g} s"
            slow = _TOO_SLOW.get(self.side.phase, late)
            self.carry(self.side.no(slow))
        except OSError as exc:
            log.debug("the connection of a pairing broke: %s", exc)
        finally:
            self.carry(self.side.hung_up())
            await self._close()

    async def result(self) -> None:
        """Wait until it is over. Raises `VerbError` where it came to nothing."""
        await self.over.wait()
        if self.ended is not None and self.ended.text:
            raise VerbError(ExitCode.FAILED, self.ended.text)

    def carry(self, outputs: list[Output]) -> None:
        """Carry out what the side wants."""
        for output in outputs:
            if isinstance(output, Send):
                self._writer.write(output.data)
            elif isinstance(output, Compare):
                self._reschedule(COMPARE_S)
                self.shown.set()
            elif isinstance(output, Agreed):
                self._reschedule(KEEP_S)
                self._agreed(self)
            elif isinstance(output, Welcomed):
                self._welcomed(self, output.records)
            else:
                self._end(output)

    async def _talk(self) -> None:
        """Until the other end hangs up, or time is over. Raises `TimeoutError`, `OSError`."""
        try:
            async with asyncio.timeout(self._shake_s) as self._deadline:
                if isinstance(self.side, Joiner):
                    self.carry(self.side.begin())
                await self._read()
        finally:
            self._deadline = None

    async def _read(self) -> None:
        """Feed the side until the other end hangs up; what comes after the end is read and dropped."""
        while data := await self._reader.read(CHUNK):
            if self.side.phase not in OVER:
                self.carry(self.side.feed(data))

    def _end(self, ended: Ended) -> None:
        self.ended = ended
        self._reschedule(CLOSE_S)
        with contextlib.suppress(OSError):  # the other end is gone: nobody hears our last word
            if not self._writer.is_closing():
                self._writer.write_eof()
        for event in (self.shown, self.decided, self.over):
            event.set()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    def _reschedule(self, seconds: float) -> None:
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)
