"""The signal bus and the supervisor, each in the words of the other.

A hello is admitted when the kernel says that its process lies in the tree of the app it names; over tcp,
where no kernel says anything, when it brings the token of that launch.
What a client then says (ready, health, bye) becomes a trigger or a condition of its instance.
"""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from signal_bus.delegate import Admission, BaseDelegate, ExitFacts, Peer, Refusal, TcpDoor
from signal_bus.errors import BusError, Gone
from signal_bus.ids import CurveKey, Generation, SeqId
from signal_bus.messages import Fence, Hello, Service, VerbReply, VerbRequest
from signal_bus.server import SignalServer
from signal_bus.zap import TCP
from viscript.config.model import Bus
from viscript.daemon.faults import verb_error
from viscript.daemon.tokens import LIVES, Doorkeeper, Tokens, bearer
from viscript.errors import ExitCode, VerbError
from viscript.events import Event, EventLog
from viscript.supervisor.api import AppEntry
from viscript.supervisor.checking import Checking
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.external import Externals, is_external
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase, Trigger

if TYPE_CHECKING:
    from viscript.cluster.desired.locks import Locks

log = logging.getLogger(__name__)

COMPLAIN_SECONDS: Final = 10.0
LONGEST_SERVICE: Final = 4096  # bytes of a service that an event carries
# Attempts to pass for somebody else; the other refusals are told to the program alone.
TOLD: Final = frozenset(
    {"wrong-process", "no-token", "wrong-token", "used-token", "stale", "unknown-id", "not-allowed"}
)
RunVerb = Callable[[VerbRequest], Awaitable[VerbReply]]
Belongs = Callable[[int, Managed], bool]


class BusDelegate(BaseDelegate):
    """What the bus asks and tells, answered from the instances."""

    def __init__(
        self,
        conductor: Conductor,
        checking: Checking,
        events: EventLog,
        *,
        belongs: Belongs,
        run_verb: RunVerb,
        externals: Externals,
        external_allowed: Callable[[], bool],
        users: Callable[[], frozenset[int]],
        tokens: Tokens,
        doorkeeper: Doorkeeper,
        locks: Callable[[], Locks | None] = lambda: None,
    ) -> None:
        self._conductor = conductor
        self._checking = checking
        self._events = events
        self._belongs = belongs
        self._run_verb = run_verb
        self._externals = externals
        self._users = users
        self._tokens = tokens
        self._doorkeeper = doorkeeper
        self._complained: dict[str, float] = {}
        self._told: dict[tuple[str, int], float] = {}
        self._external_allowed = external_allowed
        self._locks = locks

    def lease(self, seq: SeqId, generation: Generation, name: str, *, release: bool) -> Fence | Refusal:
        """Locks there are where hosts share a store."""
        locks = self._locks()
        if locks is None:
            return super().lease(seq, generation, name, release=release)
        return locks.ask(seq, generation, name, release=release)

    def admit(self, hello: Hello, peer: Peer) -> Admission | Refusal:
        """Only a living process of that very app speaks for it; others are turned away, and that is told."""
        answer = self._judge(hello, peer)
        if isinstance(answer, Refusal) and answer.code in TOLD and not answer.retry:
            self._tell_refused(answer, hello)
        return answer

    def _judge(self, hello: Hello, peer: Peer) -> Admission | Refusal:
        managed = self._conductor.managed.get(hello.seq)
        if hello.seq == 0 or (managed is not None and is_external(managed)):
            return self._admit_external(hello, peer, managed)
        if managed is None or managed.phase not in LIVES:
            return Refusal("unknown-id", f"no app runs under the id {hello.seq}")
        if hello.generation < managed.generation:
            return Refusal("stale", f"app {hello.seq} is in generation {managed.generation}")
        if hello.generation > managed.generation:
            return Refusal("unknown-id", f"generation {hello.generation} was never launched", retry=True)
        wrong = self._not_of(managed, hello, peer)
        return wrong or Admission(SeqId(managed.seq), Generation(managed.generation))

    def _not_of(self, managed: Managed, hello: Hello, peer: Peer) -> Refusal | None:
        """Why who speaks is not of that app: by its token over tcp, else by the word of the kernel."""
        if peer.door == TCP:
            return self._tokens.judge(hello, managed)
        if peer.pid is None or not self._belongs(peer.pid, managed):
            early = managed.pid is None
            return Refusal("wrong-process", f"process {peer.pid} is not of app {hello.seq}", retry=early)
        return None

    def _admit_external(self, hello: Hello, peer: Peer, managed: Managed | None) -> Admission | Refusal:
        """A program that nobody launched, where the configuration lets such in."""
        if not self._external_allowed():
            text = "programs nobody launched may not join here (`bus: {external: true}` lets them)"
            return Refusal("not-allowed", text)
        if launched := self._doorkeeper.launched(peer.user):
            return Refusal("not-allowed", f"that key is of app {launched} and joins for it alone")
        if managed is None:
            managed = self._externals.admit(hello.name, peer.pid)
        elif peer.pid != managed.pid and managed.phase is Phase.RUNNING:
            return Refusal("duplicate", f"another process speaks for app {hello.seq}")
        else:
            self._externals.welcome_back(managed, peer.pid)
        if managed is None:
            return Refusal("busy", "too many programs nobody launched have joined", retry=True)
        return Admission(SeqId(managed.seq), Generation(managed.generation))

    def registered(self, seq: SeqId, generation: Generation, hello: Hello) -> None:
        """The app is on the bus: it has started."""
        managed = self._of(seq, generation)
        if managed is None:
            return
        managed.registered = True
        if hello.token:
            managed.bearer = bearer(hello, managed)
            self._conductor.note(managed, at_once=True)
        self._conductor.condition(managed, "Registered", True)
        if not hello.later:
            self._came_up(managed)

    def _came_up(self, managed: Managed) -> None:
        """A registered app needs no settle; one that declared `ready: signal` is ready."""
        ready = managed.entry.spec.ready
        if ready is None:
            self._conductor.fire(managed, Trigger.STARTED)
        elif ready.signal:
            self._checking.reported_ready(managed)

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        """It says that it can be used."""
        managed = self._of(seq, generation)
        if managed is not None:
            self._came_up(managed)

    def health(self, seq: SeqId, generation: Generation, word: str) -> None:
        """A condition beside the state; silence does not end an app."""
        managed = self._of(seq, generation)
        if managed is None:
            return
        self._conductor.health(managed, word, "" if word == "ok" else f"its beats are {word}")

    def lost(self, seq: SeqId, generation: Generation) -> None:
        """It left the bus; whether it lives, the kernel says."""
        managed = self._of(seq, generation)
        if managed is not None:
            managed.registered = False
            self._conductor.condition(managed, "Registered", False, "it left the bus")
            if is_external(managed):
                self._externals.left(managed)

    def event(self, seq: SeqId, generation: Generation, topic: str, data: dict[str, Any]) -> None:
        """Something the app tells."""
        managed = self._of(seq, generation)
        if managed is not None:
            self._tell("app.event", managed, topic, topic=topic, fields=data)

    def services_changed(self, added: tuple[Service, ...], removed: tuple[Service, ...]) -> None:
        """Services came or went."""
        for kind, services in (("service.offered", added), ("service.withdrawn", removed)):
            for service in services:
                told = msgspec.to_builtins(service)
                if len(msgspec.msgpack.encode(told)) > LONGEST_SERVICE:
                    told["meta"] = {}  # the event is kept; `find` gives all of it
                self._events.tell(
                    kind, f"app/{service.seq}", now=self._conductor.now(), reason=service.name, **told
                )

    def may_connect(self, uid: int) -> bool:
        """Our own user, root, and the users that configured apps run as."""
        return uid in (0, os.geteuid()) or uid in self._users()

    def refused(self, code: str, text: str) -> None:
        """Somebody was turned away: said once a while for each code, counted by the bus always."""
        now = self._conductor.now()
        if now - self._complained.get(code, 0.0) >= COMPLAIN_SECONDS:
            self._complained[code] = now
            log.warning("bus refused code=%s: %s", code, text)

    def _tell_refused(self, refusal: Refusal, hello: Hello) -> None:
        """An event, once a while for each code and app: who tries again and again does not fill the log."""
        now = self._conductor.now()
        key = (refusal.code, hello.seq if hello.seq in self._conductor.managed else 0)
        if now - self._told.get(key, 0.0) >= COMPLAIN_SECONDS:
            self._told = {known: at for known, at in self._told.items() if now - at < COMPLAIN_SECONDS}
            self._told[key] = now
            subject = f"app/{key[1]}" if key[1] else "daemon"
            self._events.tell("bus.refused", subject, now=now, reason=refusal.text, code=refusal.code)

    async def verb(self, request: VerbRequest) -> VerbReply:
        """The operators' door: the same verbs as at the prompt."""
        return await self._run_verb(request)

    def _tell(self, kind: str, managed: Managed, reason: str, **data: Any) -> None:
        subject = f"app/{managed.seq}"
        self._events.tell(kind, subject, now=self._conductor.now(), reason=reason, name=managed.name, **data)

    def _of(self, seq: int, generation: int) -> Managed | None:
        managed = self._conductor.managed.get(seq)
        return managed if managed is not None and managed.generation == generation else None


class BusSide:
    """What the supervisor asks of the bus; see `viscript.supervisor.supervisor.BusSide`."""

    def __init__(self) -> None:
        self._serving: SignalServer | None = None

    def serve(self, server: SignalServer) -> None:
        """The server is open from now on."""
        self._serving = server

    @property
    def _server(self) -> SignalServer:
        assert self._serving is not None, "the bus is opened before any app is taken back"
        return self._serving

    def allow(self, key: CurveKey, name: str) -> None:
        """Let who has this key in at the tcp door."""
        self._server.allow(key, name)

    def forbid(self, key: CurveKey) -> None:
        """Hear who has this key no more."""
        self._server.forbid(key)

    async def ping(self, seq: int, timeout: float) -> float | None:
        """Seconds of one round trip; None when there was no answer. Raises VerbError when the app ends."""
        try:
            return await self._server.ping(SeqId(seq), timeout)
        except TimeoutError:
            return None
        except BusError as exc:
            raise VerbError(ExitCode.NOT_HEALTHY, f"app {seq}: {_fault(exc)}") from exc

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method of the client."""
        try:
            return await self._server.call(SeqId(seq), method, params, timeout)
        except BusError as exc:
            raise verb_error(f"app {seq}: {method}", exc) from exc

    async def describe(self, seq: int) -> dict[str, Any]:
        """What the client offers."""
        try:
            methods = await self._server.describe(SeqId(seq))
        except BusError as exc:
            raise verb_error(f"app {seq}", exc) from exc
        return {method.name: msgspec.to_builtins(method) for method in methods}

    async def ask_shutdown(self, seq: int, deadline: float) -> None:
        """Ask the app to end itself; the rungs of the stop go on whatever it says."""
        try:
            await self._server.shutdown(SeqId(seq), deadline)
        except (BusError, TimeoutError) as exc:
            log.info("seq=%d shutdown on the bus: %s", seq, exc)

    def hear(self, event: Event) -> None:
        """Every event goes out on the bus; an exit fails what waits for that app at once."""
        self._server.publish(msgspec.to_builtins(event))
        if event.type == "app.exited":
            self._exited(int(event.object.removeprefix("app/")), event)

    def _exited(self, seq: int, event: Event) -> None:
        end = event.data.get("exit") or {}
        delay = event.data.get("delay")
        facts = ExitFacts(
            code=end.get("code"),
            signal=end.get("signal"),
            runtime_s=float(event.data.get("runtime") or 0.0),
            next="" if delay is None else f"starts again in {delay:.1f} s",
        )
        self._server.exited(SeqId(seq), Generation(event.data["generation"]), facts)


def _fault(exc: BusError) -> str:
    """What went wrong; the app is named already."""
    return exc.why if isinstance(exc, Gone) else str(exc)


def tcp_door(bus: Bus) -> TcpDoor | None:
    """The door for other hosts, where the configuration opens one: CURVE, for the keys of `bus.allow`."""
    if bus.tcp is None:
        return None
    allowed = {CurveKey(bytes.fromhex(key)): key[:16] for key in bus.allow}
    return TcpDoor(endpoint=f"tcp://{bus.tcp}", allowed=allowed)


def users_of(apps: Iterable[AppEntry]) -> frozenset[int]:
    """The uids that apps are configured to run as; a name this system does not know is passed over."""
    found = set()
    for name in {entry.spec.user for entry in apps if entry.spec.user is not None}:
        try:
            found.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue  # the start of that app will say so
    return frozenset(found)
