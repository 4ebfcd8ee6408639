"""Control channels kept warm, one for each peer: opened at the first call, ended when unused too long.

A channel that is gone is opened again, once, within the same call: what is asked here may be asked twice. One
that does not answer is used by nobody any more. When there are too many, the one unused longest ends; when
all are in use, the call waits for none and raises `Busy`.

    async with Pool(dial) as pool:
        reply = await pool.call(peer, "install", Install(...), Nothing, deadline_s=4)
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

import msgspec

from components.mesh.channel import ControlChannel
from components.mesh.errors import Busy, Gone, MeshError, TimedOut
from components.mesh.payloads import Body
from components.mesh.session import Session
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

MOST: Final = 256
CALLS_EACH: Final = 48  # under way by one channel, below what it takes; others wait within their deadline
IDLE_S: Final = 300.0
CLOSED: Final = "the channels were closed here"

Dial = Callable[[PublicKey], Awaitable[Session]]


class _Held:
    """One peer's channel, or the wait for it."""

    def __init__(self) -> None:
        self.channel: asyncio.Future[ControlChannel] = asyncio.get_running_loop().create_future()
        self.slots = asyncio.Semaphore(CALLS_EACH)
        self.unused = asyncio.Event()  # retired, and the last call is over
        self.calls = 0
        self.used_at = 0.0
        self.retired = False


class Pool:
    """Calls peers by channels of its own; an `async with`, and leaving it ends them all."""

    def __init__(self, dial: Dial, *, most: int = MOST, idle_s: float = IDLE_S) -> None:
        self._dial = dial
        self._most = most
        self._idle_s = idle_s
        self._held: OrderedDict[PublicKey, _Held] = OrderedDict()
        self._tasks = asyncio.TaskGroup()
        self._holders: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for task in self._holders:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)
        for held in self._held.values():  # of a task that was cancelled before it began
            _fail(held.channel, Gone(CLOSED))

    def __len__(self) -> int:
        return len(self._held)

    async def call(
        self,
        peer: PublicKey,
        method: str,
        body: msgspec.Struct | None,
        reply: type[Body],
        *,
        deadline_s: float,
    ) -> Body:
        """The peer's answer, all within the deadline. Raises what `dial` and `ControlChannel.call` raise."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        while True:
            held = self._entry(peer)
            warm = held.channel.done()
            try:
                async with self._ready(held, until, deadline_s) as channel:
                    return await channel.call(method, body, reply, deadline_s=until - loop.time())
            except TimedOut:
                self._retire(peer, held)
                raise
            except Gone:
                self._retire(peer, held)
                if not warm:
                    raise

    async def warm(self, peer: PublicKey, *, deadline_s: float) -> None:
        """Open the channel now, so that the first call need not. Raises what `dial` raises."""
        until = asyncio.get_running_loop().time() + deadline_s
        async with self._ready(self._entry(peer), until, deadline_s):
            pass

    @asynccontextmanager
    async def _ready(self, held: _Held, until: float, deadline_s: float) -> AsyncIterator[ControlChannel]:
        """The open channel with a slot on it. Raises `TimedOut`, or what `dial` raises."""
        held.calls += 1
        taken = False
        try:
            try:
                async with asyncio.timeout_at(until):
                    channel = await asyncio.shield(held.channel)
                    taken = await held.slots.acquire()
            except TimedOut:
                raise
            except TimeoutError as exc:
                raise TimedOut("the session", deadline_s) from exc
            yield channel
        finally:
            if taken:
                held.slots.release()
            held.calls -= 1
            held.used_at = asyncio.get_running_loop().time()
            if held.retired and not held.calls:
                held.unused.set()

    def _entry(self, peer: PublicKey) -> _Held:
        if self._closed:
            raise Gone(CLOSED)
        held = self._held.get(peer)
        if held is None:
            self._make_room()
            held = self._held[peer] = _Held()
            task = self._tasks.create_task(self._hold(peer, held))
            self._holders.add(task)
            task.add_done_callback(self._holders.discard)
        self._held.move_to_end(peer)
        return held

    def _make_room(self) -> None:
        if len(self._held) < self._most:
            return
        for peer, held in self._held.items():
            if not held.calls:
                self._retire(peer, held)
                return
        raise Busy("control channels", self._most)

    def _retire(self, peer: PublicKey, held: _Held) -> None:
        """Let no new call use it; it ends when those under way are over."""
        if self._held.get(peer) is held:
            del self._held[peer]
        held.retired = True
        if not held.calls:
            held.unused.set()

    async def _hold(self, peer: PublicKey, held: _Held) -> None:
        """Open one channel and keep it until it is over, or nobody needs it."""
        try:
            session = await self._dial(peer)
            async with ControlChannel(session) as channel:
                held.channel.set_result(channel)
                await self._while_needed(held, channel)
        except MeshError as exc:
            _fail(held.channel, exc)
        except Exception as exc:  # a bug in reaching one peer must not end the calls to others
            log.exception("could not open a channel peer=%s", peer.hex())
            _fail(held.channel, Gone(f"a fault of ours: {exc!r}"))
        finally:
            _fail(held.channel, Gone(CLOSED))
            self._retire(peer, held)

    async def _while_needed(self, held: _Held, channel: ControlChannel) -> None:
        loop = asyncio.get_running_loop()
        held.used_at = loop.time()
        async with asyncio.TaskGroup() as tasks:
            waits = [tasks.create_task(event.wait()) for event in (channel.ended, held.unused)]
            while True:
                done, _ = await asyncio.wait(waits, timeout=self._idle_s, return_when=asyncio.FIRST_COMPLETED)
                if done or (not held.calls and loop.time() - held.used_at >= self._idle_s):
                    break
            for task in waits:
                task.cancel()


def _fail(channel: asyncio.Future[ControlChannel], exc: MeshError) -> None:
    """There will be no channel, unless there is one."""
    if not channel.done():
        channel.set_exception(exc)
        channel.exception()  # seen: perhaps nobody waits any more
