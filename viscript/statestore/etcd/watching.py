"""A watch that outlives its member: it goes on at another one, from the revision behind the last it told.

A member that says nothing may be frozen, or cut off from the others: every `QUIET_S` of silence it is asked
to read something with the consent of the others, and left when it cannot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from viscript.statestore.api import Batch, Event
from viscript.statestore.errors import Compacted
from viscript.statestore.etcd.calls import ROUND_PAUSE_S, Calls
from viscript.statestore.etcd.form import (
    Fault,
    Form,
    Garbled,
    RangeReply,
    StreamFault,
    WatchLine,
    decode,
    encode,
    grouped,
)
from viscript.statestore.etcd.members import share
from viscript.statestore.etcd.verdict import Verdict, judge
from viscript.statestore.etcd.wire import Lines, MemberFault, Wire

QUIET_S: Final = 3.0
PROBE_S: Final = 1.5
FRAGMENTS_MAX: Final = 64 << 20  # bytes of one revision, or of those that came in one piece
_PROBED: Final = "probe"


class Watching:
    """One watch. `run` it once."""

    def __init__(self, calls: Calls, wire: Wire, form: Form, prefix: str, from_revision: int) -> None:
        self._calls = calls
        self._wire = wire
        self._form = form
        self._prefix = prefix
        self._at = max(from_revision, 1)

    async def run(self, patience_s: float) -> AsyncGenerator[Batch, None]:
        """Every batch, for ever. Raises `Compacted`, `Refused`, `StoreAway` behind so long without one."""
        members = self._calls.members
        failing_since: float | None = None
        while True:
            for member in members.order(time.monotonic()):
                opening = share(patience_s, len(members.names))
                try:
                    async with aclosing(self._of(member, opening)) as batches:
                        async for batch in batches:
                            failing_since = None
                            if batch is not None:
                                yield batch
                except MemberFault as fault:
                    self._settle(member, fault)
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > patience_s:
                    raise self._calls.away("no watch can be opened")
            await asyncio.sleep(ROUND_PAUSE_S)

    async def _of(self, member: str, opening_s: float) -> AsyncGenerator[Batch | None, None]:
        """What one member tells; None for a sign of life. Ends by `MemberFault`."""
        token = await self._calls.token(member, opening_s)
        body = encode(self._form.watch(self._prefix, self._at))
        held: list[Event] = []
        size = 0
        async with self._wire.lines(member, "watch", body, token, opening_s) as lines:
            await self._created(lines, opening_s)
            self._calls.members.good(member, time.monotonic())
            while True:
                line = await lines.next(QUIET_S)
                if line is None:
                    await self._probe(member)
                    yield None
                    continue
                events, whole = self._read(line)
                held += events
                size += len(line)
                if size > FRAGMENTS_MAX:
                    raise MemberFault(Verdict.ANOTHER, f"more than {FRAGMENTS_MAX} bytes in one piece")
                if whole:
                    told, held, size = held, [], 0
                    for batch in self._batches(told):
                        self._at = batch.revision + 1
                        yield batch

    def _batches(self, events: list[Event]) -> list[Batch]:
        try:
            return [batch for batch in grouped(events) if batch.revision >= self._at]
        except Garbled as exc:
            raise MemberFault(Verdict.ANOTHER, str(exc)) from exc

    async def _created(self, lines: Lines, timeout: float) -> None:
        line = await lines.next(timeout)
        if line is None:
            raise MemberFault(Verdict.ANOTHER, "it opened no watch")
        news = self._decoded(line)
        if news.result is None or not news.result.created:
            raise MemberFault(Verdict.ANOTHER, "it opened no watch")
        self._refuse(news)

    def _read(self, line: bytes) -> tuple[list[Event], bool]:
        """The events of a line, and whether what it belongs to is whole with it."""
        news = self._decoded(line)
        self._refuse(news)
        assert news.result is not None
        try:
            return self._form.events(news.result), not news.result.fragment
        except Garbled as exc:
            raise MemberFault(Verdict.ANOTHER, str(exc)) from exc

    def _decoded(self, line: bytes) -> WatchLine:
        try:
            return decode(line, WatchLine)
        except Garbled as exc:
            raise MemberFault(Verdict.ANOTHER, str(exc)) from exc

    def _refuse(self, news: WatchLine) -> None:
        """Raise what a line says of the end of the watch."""
        if news.error is not None or news.result is None:
            fault = news.error or StreamFault()
            raise _ended(fault.message or "no watch", fault.grpc_code)
        if news.result.compact_revision:
            raise Compacted(news.result.compact_revision)
        if news.result.canceled:
            raise _ended(news.result.cancel_reason or "the member ended the watch", 0)

    def _settle(self, member: str, fault: MemberFault) -> None:
        if fault.verdict is Verdict.TOKEN:
            self._calls.forget_token()
        elif (refused := self._calls.refusal(fault, f"{member}: {fault.text}")) is not None:
            raise refused from fault
        self._calls.members.bad(member, time.monotonic(), fault.text)

    async def _probe(self, member: str) -> None:
        body = encode({"key": self._form.key(_PROBED), "count_only": True})
        try:
            await self._calls.ask_one(member, "kv/range", body, RangeReply, PROBE_S)
        except MemberFault as fault:
            if fault.verdict in (Verdict.TOKEN, Verdict.REFUSED):
                return  # it lives; whether we may read that key is another matter
            raise MemberFault(Verdict.ANOTHER, fault.text) from fault


def _ended(text: str, code: int) -> MemberFault:
    verdict = judge(Fault(error=text, code=code))
    return MemberFault(Verdict.ANOTHER if verdict is Verdict.UNSURE else verdict, text)
