"""The signal server: doors for apps, operators and other hosts, and the events plane, in one `async with`.

    apps       ROUTER on ipc, mode 0666 in a folder of mode 0711: hello, and the sender's own affairs
    operators  ROUTER on ipc, mode 0600 in a folder of mode 0700: verbs and questions
    tcp        ROUTER, always CURVE with an allow list: as apps, for programs on other hosts
    events     PUB on ipc: topic | message

The server never waits on a client. What it decides is in pure parts (registry, services, replay, history);
what it does with sockets is in doors and sockets.
"""

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from signal_bus import limits, zap
from signal_bus.clients import ClientDesk
from signal_bus.codec import encode
from signal_bus.delegate import Delegate, ExitFacts, TcpDoor
from signal_bus.errors import BusError, CallerError, Gone, NotJoined, RemoteError, TimedOut
from signal_bus.history import History
from signal_bus.identity import Identity
from signal_bus.ids import CurveKey, Generation, SeqId
from signal_bus.messages import (
    Body,
    Call,
    Closing,
    Describe,
    Described,
    Drained,
    EventNote,
    Exited,
    Method,
    Ping,
    Pong,
    Prepare,
    Reload,
    Reloaded,
    Result,
    Shutdown,
)
from signal_bus.operators import OperatorDesk
from signal_bus.pending import Pending
from signal_bus.reactor import Sent
from signal_bus.registry import Client, Health, Registry
from signal_bus.services import Services
from signal_bus.sockets import Sockets

log = logging.getLogger(__name__)

B = TypeVar("B", bound=Body)


class SignalServer:
    """Serves one home. Everything runs in the loop that entered it; leaving it leaves nothing running."""

    def __init__(
        self,
        *,
        home_id: str,
        apps_endpoint: str,
        operator_endpoint: str | None = None,
        events_endpoint: str | None = None,
        tcp: TcpDoor | None = None,
        identity: Identity | None = None,
        delegate: Delegate,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if tcp is not None and identity is None:
            raise CallerError("a tcp door needs an identity: it is always encrypted")
        self.services = Services()
        self.registry = Registry()
        self._clock = clock
        self._counters: Counter[str] = Counter()
        self._history = History()
        self._pending = Pending("s")
        self._delegate = delegate
        self._allowed = zap.Allowed(tcp.allowed if tcp else {})
        self._gate = zap.Gate(self._allowed, delegate.may_connect, zap.own_uid())
        self._clients = ClientDesk(
            home_id=home_id,
            registry=self.registry,
            services=self.services,
            pending=self._pending,
            delegate=delegate,
            clock=clock,
            counters=self._counters,
        )
        self._operators = OperatorDesk(
            delegate=delegate,
            services=self.services,
            history=self._history,
            clock=clock,
            counters=self._counters,
        )
        self._sockets = Sockets(
            apps_endpoint=apps_endpoint,
            operator_endpoint=operator_endpoint,
            events_endpoint=events_endpoint,
            tcp_endpoint=tcp.endpoint if tcp else None,
            curve=identity.curve() if identity else None,
            allowed=self._allowed,
            gate=self._gate,
            clock=clock,
        )
        self._event_counts = itertools.count(1)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the doors. Raises `EndpointTaken`, or `OSError` where a socket cannot be bound."""
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()  # what the body raised is not the task group's affair

    async def _open(self) -> None:
        """Sockets first, then tasks: what cannot be bound is raised as it is, not as a group."""
        stack = self._stack
        stack.push_async_callback(self._sockets.close)
        await self._sockets.open(self._clients.handle, self._operators.handle)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        self._operators.run_in(tasks)
        stack.callback(self._operators.cancel_all)
        stack.callback(tasks.create_task(self._tick_forever()).cancel)
        stack.callback(self._pending.fail_everybody, BusError("the signal server stopped"))

    @property
    def tcp_endpoint(self) -> str | None:
        """Where the tcp door is, with the port it got."""
        return self._sockets.tcp_endpoint

    # Requests to a client. They raise NotJoined, Gone, TimedOut, Busy, or RemoteError with its answer.

    async def ping(self, seq: int, timeout: float) -> float:
        """The seconds one round trip to the app's own loop takes."""
        started = self._clock()
        _, at = await self._ask(seq, Ping(), Pong, timeout)
        return at - started

    async def shutdown(
        self, seq: int, deadline: float, *, cap: float = limits.SHUTDOWN_CAP_S, reason: str = ""
    ) -> Closing:
        """Ask it to end within `deadline` seconds; gives its consent, not its end (see `exited`)."""
        body = Shutdown(deadline_s=deadline, cap_s=max(cap, deadline), reason=reason)
        return (await self._ask(seq, body, Closing, deadline))[0]

    async def prepare(self, seq: int, timeout: float) -> None:
        """Ask it to take no new work; returns when what it had is done."""
        await self._ask(seq, Prepare(), Drained, timeout)

    async def reload(self, seq: int, changes: Mapping[str, Any], timeout: float) -> None:
        """Tell it what is different in its configuration; returns when that is in force."""
        await self._ask(seq, Reload(changes=dict(changes)), Reloaded, timeout)

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method it offers."""
        body = Call(method=method, params=params)
        result: object = (await self._ask(seq, body, Result, timeout))[0].value
        return result

    async def describe(self, seq: int, timeout: float = 2.0) -> tuple[Method, ...]:
        """The methods it offers."""
        return (await self._ask(seq, Describe(), Described, timeout))[0].methods

    async def _ask(self, seq: int, body: Body, expects: type[B], timeout: float) -> tuple[B, float]:
        """One request and its answer, within the deadline."""
        client = self.registry.get(SeqId(seq))
        if client is None or self.registry.at(client.link) is not client:
            raise NotJoined(seq)
        what = type(body).__name__.lower()
        request, future = self._pending.open(seq, what)
        try:
            data = encode(body, self._clients.form(client), request=request, dl=max(1, int(timeout * 1000)))
            if self._clients.push(client, data) is not Sent.OK:
                raise Gone(seq, "it cannot be reached over the bus")
            async with asyncio.timeout(timeout):
                answer = await future
        except TimeoutError:
            raise TimedOut(what, timeout) from None
        finally:
            future.cancel()
            self._pending.close(seq, request)
        if not isinstance(answer.body, expects):
            raise RemoteError("bad-message", f"it answered {what} with {type(answer.body).__name__.lower()}")
        return answer.body, answer.at

    # What the daemon tells the bus.

    def exited(self, seq: int, generation: int, facts: ExitFacts) -> None:
        """The kernel says that launch ended: its requests fail at once, its services go, others are told."""
        client = self.registry.remove(SeqId(seq), Generation(generation))
        if client is not None:
            self._clients.exited(client)
            self._pending.fail_all(seq, Gone(seq, "its process ended"))
        self._clients.changed(self.services.remove(SeqId(seq), Generation(generation), self._clock()))
        note = Exited(
            seq=SeqId(seq),
            generation=Generation(generation),
            code=facts.code,
            signal=facts.signal,
            runtime_s=max(0.0, facts.runtime_s),
            planned=facts.planned,
            totals=facts.totals,
            last_lines=tuple(line[:1024] for line in facts.last_lines[-20:]),
            next=facts.next[:1024],
        )
        self._sockets.publish(b"exited", encode(note))
        self._tell("exited", note)

    def publish(self, event: Mapping[str, Any]) -> None:
        """Tell subscribers of an event; topic: `topic` or `type`; `cursor` comes with it or is made."""
        topic = str(event.get("topic") or event["type"])[: limits.NAME_CHARACTERS]
        cursor = int(event.get("cursor") or self._history.next_cursor)
        note = EventNote(topic=topic, cursor=cursor, data=dict(event))
        data = encode(note, ts=int(time.time() * 1000), n=next(self._event_counts))
        if len(data) > limits.TEXT_BYTES:
            note = EventNote(topic=topic, cursor=cursor, data={"cut": "larger than an event may be"})
            data = encode(note)
        self._history.add(note, len(data))
        self._sockets.publish(topic.encode(), data)
        self._tell("event", note)

    def _tell(self, want: str, note: Body) -> None:
        """Send to each client that asked for such news; one that does not read misses it."""
        for client in self.registry:
            if want in client.wants and self.registry.at(client.link) is client:
                self._clients.push(client, encode(note, self._clients.form(client)), lossy=True)

    # The tcp door's allow list.

    def allow(self, key: CurveKey, name: str) -> None:
        """Let a host, or one launch of an app, in from now on."""
        self._allowed.add(key, name)

    def forbid(self, key: CurveKey) -> None:
        """Take a key off the list whose holder has ended: should it still speak, it is not heard."""
        self._allowed.remove(key)

    async def revoke(self, key: CurveKey) -> None:
        """Shut a host out: its messages no longer count, and all tcp connections are made anew."""
        if not self._allowed.remove(key):
            return
        log.info("tcp: revoked key=%s", key.hex()[:16])
        await self._sockets.rebind_tcp()
        for client in self.registry:
            link = self.registry.at(client.link)
            if link is client and self._clients.door(client) == zap.TCP:
                self._clients.lose(client, "the tcp door was opened anew")

    # Figures.

    def counters(self) -> dict[str, int]:
        """What was counted since the start, and what there is now."""
        return {
            **self._counters,
            **self._sockets.counters(),
            "clients": len(self.registry),
            "services": len(self.services),
            "requests-under-way": len(self._pending),
            "connections-refused": self._gate.denied,
        }

    # Time.

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(limits.TICK_S)
            try:
                self.tick()
            except Exception:  # a bug in the delegate must not stop time
                log.exception("a tick failed")

    def tick(self) -> None:
        """Notice who fell silent and what expired; called by itself."""
        now = self._clock()
        self._clients.changed(self.services.expire(now))
        for client in self.registry.tick(now):
            self._delegate.health(client.seq, client.generation, client.health.value)
            self._probe(client)

    def _probe(self, client: Client) -> None:
        """A client that fell silent is pinged, so that a broken connection is noticed."""
        if client.health is not Health.OK and self.registry.at(client.link) is client:
            self._clients.push(client, encode(Ping(), self._clients.form(client)))
