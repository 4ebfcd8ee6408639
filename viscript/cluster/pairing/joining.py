"""Joining: one attempt at a time, at each address of a code until one shows words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from viscript import __version__
from viscript.cluster.book import Book
from viscript.cluster.model import SignedCard
from viscript.cluster.pairing.bymesh import SHAKE_S, Mesh, led_to, shown
from viscript.cluster.pairing.code import Address, Code, MeshAddress
from viscript.cluster.pairing.joiner import Joiner
from viscript.cluster.pairing.meeting import Meeting
from viscript.cluster.pairing.membership import receive
from viscript.errors import ExitCode, VerbError, ViscriptError

log = logging.getLogger(__name__)

CONNECT_S: Final = 3.0
Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Joining:
    """The joiner's half of a home. `meeting` is the one under way, from its words to its end."""

    def __init__(
        self,
        book: Book,
        *,
        label: Callable[[], str],
        own_card: Callable[[], SignedCard],
        run: Run,
        mesh: Callable[[], Mesh],
    ) -> None:
        self.meeting: Meeting | None = None
        self._mesh = mesh
        self._book, self._label, self._own_card, self._run = book, label, own_card, run
        self._busy = False

    @property
    def is_under_way(self) -> bool:
        """Whether this host is about to become a member, or may be."""
        return self._busy or (self.meeting is not None and not self.meeting.over.is_set())

    async def join(self, code: Code) -> Meeting:
        """Pair with the code's host until there are words. Raises `VerbError`."""
        self._check(code)
        self._busy = True
        try:
            self.meeting = await self._tried(code)
        finally:
            self._busy = False
        return self.meeting

    def _check(self, code: Code) -> None:
        if code.is_by(self._book.identity.public_key):
            text = "this code is of this very host; run `host join` on the host that is to join"
            raise VerbError(ExitCode.USAGE, text)
        if self._book.roster is not None:
            raise VerbError(ExitCode.FAILED, belongs(self._book))
        if self.is_under_way:
            text = "this host is joining by another code right now; `host pending` shows it"
            raise VerbError(ExitCode.FAILED, text)
        if not code.addresses:
            text = "the code has no address this viscript can reach; make one with: host invite --addr HOST"
            raise VerbError(ExitCode.UNREACHABLE, text)

    async def _tried(self, code: Code) -> Meeting:
        """The first address that answers as the code's host."""
        faults: list[VerbError] = []
        for address in code.addresses:
            try:
                if isinstance(address, MeshAddress):
                    return await self._met_by_mesh(code, address)
                return await self._met(code, address)
            except VerbError as exc:
                faults.append(exc)
        raise judged(faults)

    async def _met(self, code: Code, address: Address) -> Meeting:
        meeting = self._meeting(code, *await _connected(address))
        await self._shown(meeting, self._run(meeting.run()))
        if meeting.ended is not None and meeting.ended.text:
            raise VerbError(ExitCode.FAILED, f"{address}: {meeting.ended.text}")
        return meeting

    async def _met_by_mesh(self, code: Code, address: MeshAddress) -> Meeting:
        led = await led_to(self._mesh(), address)
        meeting = self._meeting(code, led.reader, led.writer, SHAKE_S)
        task = self._run(led.carry(meeting))
        await self._shown(meeting, task)
        if meeting.ended is None or not meeting.ended.text:
            return meeting
        await asyncio.wait([task])
        if led.trouble:
            raise VerbError(ExitCode.UNREACHABLE, f"{shown(address)}: {led.trouble}")
        raise VerbError(ExitCode.FAILED, f"{shown(address)}: {meeting.ended.text}")

    def _meeting(
        self,
        code: Code,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        shake_s: float | None = None,
    ) -> Meeting:
        side = Joiner(
            self._book.identity,
            code,
            label=self._label(),
            card=self._own_card().record,
            version=__version__,
        )
        return Meeting(side, reader, writer, agreed=lambda _: None, welcomed=self._welcomed, shake_s=shake_s)

    async def _shown(self, meeting: Meeting, task: asyncio.Task[None]) -> None:
        """Wait for words, or the end; who gives up ends the meeting."""
        try:
            await meeting.shown.wait()
        except asyncio.CancelledError:
            task.cancel()
            raise

    def _welcomed(self, meeting: Meeting, records: tuple[bytes, ...]) -> None:
        self._run(self._receive(meeting, records))

    async def _receive(self, meeting: Meeting, records: tuple[bytes, ...]) -> None:
        side = meeting.side
        assert isinstance(side, Joiner), "who joins receives"
        try:
            me = await receive(self._book, meeting.other, records)
        except ViscriptError as exc:
            meeting.no(str(exc))
            return
        meeting.label = me.label
        log.info("joined cluster=%s label=%s role=%s", me.cluster.hex()[:16], me.label, me.role)
        if not meeting.over.is_set():
            meeting.carry(side.taken())


async def _connected(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(address.host, address.port)
    except TimeoutError as exc:
        text = f"{address}: no answer within {CONNECT_S:g} s"
        raise VerbError(ExitCode.UNREACHABLE, text) from exc
    except UnicodeError as exc:  # a code may name anything that looks like a host
        raise VerbError(ExitCode.UNREACHABLE, f"{address}: no such host: {exc}") from exc
    except OSError as exc:
        raise VerbError(ExitCode.UNREACHABLE, f"{address}: {exc.strerror or exc}") from exc


def judged(faults: list[VerbError]) -> VerbError:
    """The one error of several addresses: what a host said counts more than silence. Pure."""
    spoke = [fault for fault in faults if fault.code is not ExitCode.UNREACHABLE]
    if spoke:
        return spoke[-1]
    told = "; ".join(fault.text for fault in faults)
    text = (
        f"nobody answers ({told}); a code holds for 10 minutes and only while the inviting daemon runs,"
        " and its port must be reachable from here, or its mesh (host invite --mesh)"
    )
    return VerbError(ExitCode.UNREACHABLE, text)


def belongs(book: Book) -> str:
    """Why a host that has a cluster joins no other."""
    roster, me = book.roster, book.me
    assert roster is not None, "asked of a member only"
    others = len(roster.present) - (me is not None)
    what = f"{roster.cluster.hex()[:16]}" + (
        f" as {me.label}" if me is not None else ", which has put it out"
    )
    many = "1 other host" if others == 1 else f"{others} other hosts"
    return f"this host belongs to cluster {what} ({many}); leave it first: host leave"
