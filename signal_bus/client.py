"""A program's place on the bus.

    async with SignalClient.from_env() as bus:
        bus.method(translate)
        await bus.ready({"http": "127.0.0.1:8080"})
        await bus.stopped()

Pings are answered and beats sent by themselves. When the connection breaks or the server is restarted, the
client joins again as the same process (0.1 s, doubling to 5 s, jittered), says again what the server should
know, and repeats the requests that were not answered; the server does none of them twice.

When the server asks the program to end, the `on_shutdown` hooks run, the newest first, and `stopped()`
returns. A program that has no hook and does not wait in `stopped()` has the body of its block cancelled and
left quietly.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

import zmq

from signal_bus import environment, limits
from signal_bus.budget import Budget
from signal_bus.codec import Packet, encode
from signal_bus.environment import Settings
from signal_bus.errors import BusError as BusError
from signal_bus.errors import NotSupervised as NotSupervised
from signal_bus.errors import Refused as Refused
from signal_bus.errors import RemoteError as RemoteError
from signal_bus.ids import Generation, SeqId
from signal_bus.lock import Lock
from signal_bus.membership import Membership
from signal_bus.messages import (
    Beat,
    Body,
    EventNote,
    Exited,
    Fence,
    Find,
    Found,
    Hello,
    Offer,
    Ok,
    Ping,
    Pong,
    Ready,
    Service,
    StateNote,
    UsageNote,
    Withdraw,
)
from signal_bus.reactor import Socket
from signal_bus.serving import Hook, Serving
from signal_bus.session import Phase
from signal_bus.wire import keys_for

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., object])
Want = Literal["exited", "event"]
Word = Literal["starting", "ready", "degraded", "draining"]

LIBRARY: Final = "signal_bus python"


class SignalClient:
    """One client in the running loop. Leaving the block says bye and leaves nothing running.

    Entering it waits up to `patience` seconds for the server (None: does not wait), and raises `Unreachable`
    or `Refused`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        name: str = "",
        wants: tuple[Want, ...] = (),
        patience: float | None = limits.JOIN_S,
        later: bool = False,
    ) -> None:
        """`later`: we are not ready by having joined; `ready` says when."""
        self._settings = settings
        self._name = name
        self._wants = wants
        self._patience = patience
        self._later = later
        self._work = 0
        self._ready: Ready | None = None
        self._state: StateNote | None = None
        self._offers: dict[tuple[str, str], Offer] = {}
        self._listeners: dict[type[Body], list[Hook]] = {EventNote: [], Exited: []}
        self._stack = AsyncExitStack()
        self._tasks: asyncio.TaskGroup | None = None
        self._body: asyncio.Task[Any] | None = None  # Any: whatever the program's task gives
        self._waiting = 0
        self._noise = Budget(limits.NOISE_PER_S, limits.NOISE_BURST / 2, 0.0)
        self._member = Membership(settings, hello=self._hello, announce=self._announce, take=self._taken)
        self._serving = Serving(self._member.send)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        name: str = "",
        wants: tuple[Want, ...] = (),
        patience: float | None = limits.JOIN_S,
        later: bool = False,
    ) -> Self:
        """A client as the environment says. Raises `NotSupervised` or `BadEnvironment`."""
        settings = environment.read(os.environ if environ is None else environ)
        if environ is None:
            os.environ.pop(environment.TOKEN_FD, None)  # read: a child of ours would look for it in vain
        return cls(settings, name=name, wants=wants, patience=patience, later=later)

    # What a program says.

    async def ready(self, endpoints: Mapping[str, str] | None = None) -> None:
        """Tell that we can be used, at these endpoints."""
        self._ready = Ready(endpoints=dict(endpoints or {}))
        await self._member.ask(self._ready, Ok)

    async def state(self, word: Word, reason: str = "") -> None:
        """Tell how we are."""
        self._state = StateNote(word=word, reason=reason)
        await self._member.ask(self._state, Ok)

    async def event(self, topic: str, data: Mapping[str, Any] | None = None) -> None:
        """Tell of something that happened; waits while we told more than the server takes a second."""
        while not self._noise.take(asyncio.get_running_loop().time()):  # noqa: ASYNC110 (time is the event)
            await asyncio.sleep(self._noise.wait_s())
        await self._member.ask(EventNote(topic=topic, data=dict(data or {})), Ok)

    def usage(self, figures: Mapping[str, float]) -> None:
        """Give figures of our own; lost when there is no connection."""
        self._member.send(encode(UsageNote(figures=dict(figures))))

    def work(self, count: int = 1) -> None:
        """Count work done; sent with the beats, so that being stuck shows."""
        self._work += count

    async def offer(
        self,
        name: str,
        address: str,
        *,
        kind: str = "",
        ttl_s: float = 0.0,
        meta: Mapping[str, str] | None = None,
    ) -> None:
        """Offer a service, until withdrawn, not refreshed within `ttl_s`, or we end."""
        offer = Offer(name=name, type=kind, address=address, ttl_s=ttl_s, meta=dict(meta or {}))
        self._offers[name, kind] = offer
        await self._member.ask(offer, Ok)

    async def withdraw(self, name: str, *, kind: str = "") -> None:
        """Take an offer back."""
        self._offers.pop((name, kind), None)
        await self._member.ask(Withdraw(name=name, type=kind), Ok)

    async def find(self, name: str = "", *, kind: str = "") -> tuple[Service, ...]:
        """Who offers this; empty fields match all."""
        return (await self._member.ask(Find(name=name, type=kind), Found)).services

    def lock(self, name: str, *, wait_s: float | None = None) -> Lock:
        """`async with bus.lock("x") as lock:` holds it alone in the whole cluster; see `signal_bus.lock`."""
        return Lock(name, lambda lease: self._member.ask(lease, Fence), wait_s)

    async def ping(self, timeout: float = 2.0) -> float:
        """The seconds one round trip to the server takes."""
        started = asyncio.get_running_loop().time()
        await self._member.ask(Ping(), Pong, timeout)
        return asyncio.get_running_loop().time() - started

    # What a program offers and wants to know.

    def method(self, function: F) -> F:
        """Offer a function to callers; its signature and docstring describe it. Usable as a decorator."""
        self._serving.methods.add(function)
        return function

    def on_shutdown(self, hook: F) -> F:
        """Run `hook()` when we are asked to end; it may be async."""
        return _hooked(self._serving.shutdown_hooks, hook)

    def on_prepare(self, hook: F) -> F:
        """Run `hook()` when we are asked to take no new work; returning says that none is left."""
        return _hooked(self._serving.prepare_hooks, hook)

    def on_reload(self, hook: F) -> F:
        """Run `hook(changes)` when our configuration changed."""
        return _hooked(self._serving.reload_hooks, hook)

    def on_event(self, hook: F) -> F:
        """Run `hook(EventNote)` for each event; ask for them with `wants=("event",)`."""
        return _hooked(self._listeners[EventNote], hook)

    def on_exited(self, hook: F) -> F:
        """Run `hook(Exited)` when a program of this home ended; ask for it with `wants=("exited",)`."""
        return _hooked(self._listeners[Exited], hook)

    def extend(self, seconds: float) -> float:
        """In a shutdown hook: ask for more time, within the cap; gives the seconds there are."""
        return self._serving.extend(seconds)

    @property
    def joined(self) -> bool:
        """Whether the server knows us now."""
        return self._member.phase is Phase.JOINED

    @property
    def seq(self) -> SeqId:
        """Our id; 0 until an external program has joined."""
        return self._member.welcome.seq if self._member.welcome else self._settings.seq

    @property
    def generation(self) -> Generation:
        """Which launch of that id we are."""
        return self._member.welcome.generation if self._member.welcome else self._settings.generation

    @property
    def refusal(self) -> Refused | None:
        """Why the server does not let us join (again), if so."""
        return self._member.refusal

    @property
    def stopping(self) -> bool:
        """Whether we were asked to end."""
        return self._serving.ending.is_set()

    async def stopped(self) -> None:
        """Return when we were asked to end and our hooks have run."""
        self._waiting += 1
        try:
            await self._serving.ended.wait()
        finally:
            self._waiting -= 1

    # The block.

    async def __aenter__(self) -> Self:
        try:
            await self._join()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        ours = kind is asyncio.CancelledError and self._body is None  # see `_end_body`
        task = asyncio.current_task()
        quiet = ours and task is not None and task.uncancel() == 0
        self._body = None
        await self._stack.aclose()
        return quiet

    async def _join(self) -> None:
        keys = keys_for(self._settings)
        context: zmq.Context[Socket] = zmq.Context()
        stack = self._stack
        stack.callback(context.term)
        tasks = self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for run in (self._member.run(context, keys), self._beat_forever(), self._end_body()):
            stack.callback(tasks.create_task(run).cancel)
        stack.callback(self._serving.cancel_calls)
        stack.callback(self._member.leave, "the program ends")
        self._body = asyncio.current_task()
        await self._settle()

    async def _settle(self) -> None:
        """Wait for the first welcome. Raises `Unreachable` or `Refused`."""
        if self._patience is None:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._member.settled.wait()
        except TimeoutError:
            raise self._member.trouble from None
        if self._member.refusal is not None:
            raise self._member.refusal

    async def _end_body(self) -> None:
        """Cancel a program that was asked to end and has no say in how."""
        await self._serving.ended.wait()
        if not self._serving.shutdown_hooks and not self._waiting and self._body is not None:
            body, self._body = self._body, None
            body.cancel()

    async def _beat_forever(self) -> None:
        """Say how late our loop runs and how much we have worked."""
        loop = asyncio.get_running_loop()
        while True:
            welcome = self._member.welcome
            due = loop.time() + (welcome.beat_s if welcome else limits.BEAT_MIN_S)
            await asyncio.sleep(due - loop.time())
            self._member.send(encode(Beat(lag_s=max(0.0, loop.time() - due), work=self._work)))

    # What the membership asks of us.

    def _hello(self) -> Hello:
        return Hello(
            seq=self.seq,
            generation=self.generation,
            pid=os.getpid(),
            session=self._member.session,
            name=self._name,
            token=self._settings.token,
            library=LIBRARY,
            methods=self._serving.methods.digest(),
            wants=self._wants,
            resume=self._member.welcome is not None,
            later=self._later,
        )

    def _announce(self) -> list[Body]:
        """What the server should know of us once it has us again."""
        return [body for body in (self._ready, self._state, *self._offers.values()) if body is not None]

    def _taken(self, packet: Packet) -> None:
        body = packet.body
        if isinstance(body, Ping):
            self._member.send(encode(Pong(), re=packet.envelope.id))
        elif isinstance(body, (EventNote, Exited)):
            self._tell(self._listeners[type(body)], body)
        elif self._tasks is not None:
            self._serving.order(packet, self._tasks)

    def _tell(self, hooks: list[Hook], body: Body) -> None:
        for hook in hooks:
            try:
                hook(body)
            except Exception:  # one listener's fault is not the others'
                log.exception("a listener failed")


def _hooked(hooks: list[Hook], hook: F) -> F:
    hooks.append(hook)
    return hook
