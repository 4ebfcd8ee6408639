"""The store of another host, as a state store here. Each call opens a stream of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Final, Protocol, TypeVar

from viscript.errors import ViscriptError
from viscript.statestore.api import (
    TIMEOUT_S,
    Batch,
    Capabilities,
    Compare,
    Get,
    Item,
    Lease,
    Op,
    Range,
    Standing,
    Txn,
)
from viscript.statestore.checking import check_ttl, check_txn, key_bytes, prefix_bytes
from viscript.statestore.derived import Deadline
from viscript.statestore.errors import StateStoreError, StoreAway, Unclear
from viscript.statestore.far.wire import (
    Answer,
    Ask,
    AskGet,
    AskKeep,
    AskLease,
    AskLook,
    AskRange,
    AskRevoke,
    AskTxn,
    AskWatch,
    Done,
    Found,
    Garbled,
    Leased,
    Messages,
    Part,
    Refusal,
    Stands,
    Told,
    decode_answer,
    encode,
    error_of,
)

A = TypeVar("A", Found, Part, Done, Leased, Told, Stands)
AT_ONCE: Final = 16  # calls under way; a link has 64 streams for everything
SILENT_S: Final = 8.0  # without a sign of life of a watch


class Stream(Protocol):
    """Bytes both ways; the link's own. What goes wrong is a `ViscriptError` or an `OSError`."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Take bytes; waits while the other end does not read."""

    async def close(self, code: str = "", text: str = "") -> None:
        """Done with it."""


Opens = Callable[[float], Awaitable[Stream]]


class Broken(Exception):
    """The stream broke, or its answer did not come; `sent` tells whether the question may have arrived."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


class FarStore:
    """Implements `StateStore`. `opens(seconds)` opens a stream to the host, or raises why not."""

    def __init__(self, name: str, opens: Opens) -> None:
        self._name = name
        self._opens = opens
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._capabilities = Capabilities(
            engine="host", linearizable=True, several_hosts=True, survives_a_host=False, min_ttl_s=1
        )

    async def get(self, key: str, *, timeout: float = TIMEOUT_S) -> Item | None:
        """The item, or None."""
        key_bytes(key)
        return (await self._repeated(lambda left: AskGet(left, key), Found, timeout)).item

    async def range(self, prefix: str, *, timeout: float = TIMEOUT_S) -> Range:
        """Every item of the prefix, however many parts it comes in."""
        prefix_bytes(prefix)
        deadline = Deadline(timeout)
        while True:
            try:
                async with self._asked(AskRange(deadline.left(), prefix), deadline) as answers:
                    return await _gathered(answers, deadline)
            except Broken as exc:
                await deadline.pause(self._away(exc))

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """Carry out `then` if every comparison holds, else `otherwise`."""
        check_txn(compare, then, otherwise)
        parts = (tuple(compare), tuple(then), tuple(otherwise))
        if all(isinstance(one, Get) for one in (*then, *otherwise)):
            return (await self._repeated(lambda left: AskTxn(left, *parts), Done, timeout)).txn
        deadline = Deadline(timeout)
        while True:
            try:
                return (await self._one(AskTxn(deadline.left(), *parts), Done, deadline)).txn
            except Broken as exc:
                if exc.sent:
                    raise Unclear(f"{self._name}: {exc}; it may have been done") from exc
                await deadline.pause(self._away(exc))

    async def lease(self, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """A new lease; one whose answer is lost ends by itself."""
        check_ttl(ttl_s)
        granted = await self._repeated(lambda left: AskLease(left, ttl_s), Leased, timeout)
        return Lease(granted.lease, granted.ttl_s)

    async def keepalive(self, lease: int, *, timeout: float = TIMEOUT_S) -> int:
        """Begin its time anew."""
        return (await self._repeated(lambda left: AskKeep(left, lease), Leased, timeout)).ttl_s

    async def revoke(self, lease: int, *, timeout: float = TIMEOUT_S) -> None:
        """End it now."""
        await self._repeated(lambda left: AskRevoke(left, lease), Leased, timeout)

    async def watch(
        self, prefix: str, from_revision: int, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Batch, None]:
        """Every change from that revision on; over another stream when one breaks."""
        prefix_bytes(prefix)
        at, deadline = from_revision, Deadline(timeout)
        while True:
            heard = False
            try:
                async with self._asked(AskWatch(timeout, prefix, at), deadline) as answers:
                    while True:
                        told = _of_kind(await answers.next(SILENT_S if heard else deadline.left()), Told)
                        heard = True
                        if told.batch is not None:
                            at = told.batch.revision + 1
                            yield told.batch
            except Broken as exc:
                if heard:
                    deadline = Deadline(timeout)
                else:
                    await deadline.pause(self._away(exc))

    def capabilities(self) -> Capabilities:
        """One host keeps it for several; when that host is lost, changes wait."""
        return self._capabilities

    async def look(self, *, timeout: float = TIMEOUT_S) -> Standing:
        """How it stands there."""
        try:
            found = await self._repeated(AskLook, Stands, timeout)
        except StateStoreError as exc:
            return Standing(False, str(exc))
        return found.standing

    async def close(self) -> None:
        """Nothing is held between calls."""

    async def _repeated(self, ask: Callable[[float], Ask], kind: type[A], timeout: float) -> A:
        """The answer to what may be asked again."""
        deadline = Deadline(timeout)
        while True:
            try:
                return await self._one(ask(deadline.left()), kind, deadline)
            except Broken as exc:
                await deadline.pause(self._away(exc))

    async def _one(self, ask: Ask, kind: type[A], deadline: Deadline) -> A:
        async with self._asked(ask, deadline) as answers:
            return _of_kind(await answers.next(deadline.left()), kind)

    @asynccontextmanager
    async def _asked(self, ask: Ask, deadline: Deadline) -> AsyncIterator[Answers]:
        """The answers to a question, on a stream of its own. Raises `Broken`."""
        async with nullcontext() if isinstance(ask, AskWatch) else self._in_turn(deadline):
            stream = await self._opened(deadline.left())
            try:
                answers = Answers(stream)
                await answers.ask(ask, deadline.left())
                yield answers
            except BaseException:
                await stream.close("left", "whoever asked does not wait any more")  # nor does it for its end
                raise
            await stream.close()

    @asynccontextmanager
    async def _in_turn(self, deadline: Deadline) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(deadline.left()):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise Broken(f"{AT_ONCE} calls are under way, and not answered", sent=False) from exc
        try:
            yield
        finally:
            self._turn.release()

    async def _opened(self, timeout: float) -> Stream:
        try:
            async with asyncio.timeout(timeout):
                return await self._opens(timeout)
        except TimeoutError as exc:
            raise Broken(f"no link within {timeout:.1f} s", sent=False) from exc
        except (ViscriptError, OSError) as exc:
            raise Broken(str(exc), sent=False) from exc

    def _away(self, exc: Broken) -> StoreAway:
        return StoreAway(f"{self._name} is away: {exc}", tried=(str(exc),))


class Answers:
    """What comes back on one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._messages = Messages()
        self._whole: list[bytes] = []

    async def ask(self, ask: Ask, timeout: float) -> None:
        """Send the question. Raises `Broken`."""
        async with _to_its_end(timeout):
            await self._stream.write(encode(ask))

    async def next(self, timeout: float) -> Answer:
        """The next answer. Raises `Broken`, and the error that was told in its place."""
        async with _to_its_end(timeout):
            while not self._whole:
                data = await self._stream.read()
                if not data:
                    raise Broken("the stream ended before the answer", sent=True)
                self._whole += self._messages.feed(data)
            answer = decode_answer(self._whole.pop(0))
        if isinstance(answer, Refusal):
            raise error_of(answer)
        return answer


@asynccontextmanager
async def _to_its_end(timeout: float) -> AsyncIterator[None]:
    """Whatever goes wrong on a stream once the question is on its way is `Broken`."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError as exc:
        raise Broken(f"no answer within {timeout:.1f} s", sent=True) from exc
    except (ViscriptError, OSError, Garbled) as exc:
        raise Broken(str(exc), sent=True) from exc


async def _gathered(answers: Answers, deadline: Deadline) -> Range:
    """A range from its parts."""
    items: list[Item] = []
    while True:
        part = _of_kind(await answers.next(deadline.left()), Part)
        items += part.items
        if part.last:
            return Range(part.revision, tuple(items))


def _of_kind(answer: Answer, kind: type[A]) -> A:
    if not isinstance(answer, kind):
        raise Broken(f"an answer to another question: {type(answer).__name__}", sent=True)
    return answer
