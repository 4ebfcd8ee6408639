"""The store of this host, served to another over one stream: one question, its answers, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final, Protocol

from viscript.statestore.api import Batch, Item, Range
from viscript.statestore.errors import InvalidRequest, StateStoreError
from viscript.statestore.far.allowance import Allowances
from viscript.statestore.far.rights import check_lease, check_ttl, check_writes, guard_of
from viscript.statestore.far.wire import (
    PART_BYTES,
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
    Stands,
    Told,
    decode_ask,
    encode,
    refusal_of,
)
from viscript.statestore.shared import SharedStore
from viscript.verbs.roles import permits
from viscript.verbs.table import Role

QUESTION_S: Final = 10.0  # for a question to come whole
LONGEST_S: Final = 60.0  # that a caller may let us try
ALIVE_S: Final = 2.0  # between two signs of life of a watch that has nothing to tell


class Stream(Protocol):
    """Bytes both ways; the link's own."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Take bytes; waits while the other end does not read."""


class FarServer:
    """Serves one store."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self._allowances = Allowances()

    async def serve(self, stream: Stream, *, key: bytes, role: Role) -> None:
        """Answer the question of a stream. What the stream raises goes to whoever opened it."""
        try:
            await self._answer(stream, await _question(stream), key=key, role=role)
        except Garbled as exc:
            await stream.write(encode(refusal_of(InvalidRequest(str(exc)))))
        except StateStoreError as exc:
            await stream.write(encode(refusal_of(exc)))

    async def _answer(self, stream: Stream, ask: Ask, *, key: bytes, role: Role) -> None:
        if isinstance(ask, AskWatch):
            watch = self._store.watch(ask.prefix, ask.from_revision, timeout=patience(ask.timeout))
            async with aclosing(watch) as batches:
                await _tell(stream, batches)
        elif isinstance(ask, AskRange):
            for part in parts_of(await self._store.range(ask.prefix, timeout=patience(ask.timeout))):
                await stream.write(encode(part))
        else:
            await stream.write(encode(await self._once(ask, key=key, role=role)))

    async def _once(
        self, ask: AskGet | AskTxn | AskLease | AskKeep | AskRevoke | AskLook, *, key: bytes, role: Role
    ) -> Answer:
        timeout = patience(ask.timeout)
        match ask:
            case AskGet():
                return Found(await self._store.get(ask.key, timeout=timeout))
            case AskTxn():
                written = (*ask.then, *ask.otherwise)
                check_writes(written, key=key, role=role)
                if not permits(role, Role.OPERATE):
                    self._allowances.spend(key, written, asyncio.get_running_loop().time())
                done = self._store.guarded(
                    ask.compare, ask.then, ask.otherwise, guard_of(key), timeout=timeout
                )
                return Done(await done)
            case AskLease():
                check_ttl(ask.ttl_s, role=role)
                lease = await self._store.lease_for(key, ask.ttl_s, timeout=timeout)
                return Leased(lease.id, lease.ttl_s)
            case AskLook():
                return Stands(await self._store.look(timeout=timeout), self._store.capabilities())
            case _:
                return await self._of_lease(ask, key, timeout)

    async def _of_lease(self, ask: AskKeep | AskRevoke, key: bytes, timeout: float) -> Answer:
        """Only its own host keeps a lease, else a dead one would live on, or ends it."""
        what = "keep" if isinstance(ask, AskKeep) else "end"
        check_lease(await self._store.owner(ask.lease, timeout=timeout), ask.lease, what, key=key)
        if isinstance(ask, AskKeep):
            return Leased(ask.lease, await self._store.keepalive(ask.lease, timeout=timeout))
        await self._store.revoke(ask.lease, timeout=timeout)
        return Leased(0, 0)


async def _question(stream: Stream) -> Ask:
    """The question. Raises `Garbled`."""
    messages = Messages()
    try:
        async with asyncio.timeout(QUESTION_S):
            while True:
                data = await stream.read()
                if not data:
                    raise Garbled("the stream ended before its question")
                if whole := messages.feed(data):
                    return decode_ask(whole[0])
    except TimeoutError as exc:
        raise Garbled(f"no question within {QUESTION_S:g} s") from exc


def patience(timeout: float) -> float:
    """How long a caller lets us try; never for ever, whatever he says."""
    return timeout if 0.01 <= timeout <= LONGEST_S else LONGEST_S if timeout > 0 else 0.01


def parts_of(listed: Range) -> Iterator[Part]:
    """A range in pieces of a bounded size; at least one."""
    held: list[Item] = []
    size = 0
    for item in listed.items:
        held.append(item)
        size += len(item.value) + len(item.key) + 64
        if size >= PART_BYTES:
            yield Part(listed.revision, tuple(held), False)
            held, size = [], 0
    yield Part(listed.revision, tuple(held), True)


async def _tell(stream: Stream, batches: AsyncGenerator[Batch, None]) -> None:
    """Tell each batch, and that we live: the caller cannot see an end that makes no noise."""
    turn = asyncio.Lock()

    async def say(told: Told) -> None:
        async with turn:
            await stream.write(encode(told))

    async def live() -> None:
        while True:
            await say(Told(None))
            await asyncio.sleep(ALIVE_S)

    try:
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(live())
            try:
                async for batch in batches:
                    await say(Told(batch))
            finally:
                living.cancel()
    except BaseExceptionGroup as group:
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault itself: whoever serves the stream knows it by its type."""
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
