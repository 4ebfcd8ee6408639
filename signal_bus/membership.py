"""A client's standing with its server over many connections: joins, joins again, asks, and leaves.

The table in session.py decides; this carries it out. One connection at a time (wire.py); a new one says hello
with the same session, then what the server should know, then every request that has no answer yet.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from typing import TypeVar

import zmq

from signal_bus import limits
from signal_bus.codec import Packet, decode, encode
from signal_bus.envelope import Fault
from signal_bus.environment import Settings
from signal_bus.errors import BusError, Refused, RemoteError, TimedOut, Unreachable, WireError
from signal_bus.ids import Session
from signal_bus.kinds import SERVER_KINDS
from signal_bus.messages import Body, Bye, Error, Hello, Refuse, Welcome
from signal_bus.pending import Pending
from signal_bus.reactor import Sent, Socket
from signal_bus.session import Action, Backoff, Event, Phase, step
from signal_bus.wire import Keys, Wire, probe

log = logging.getLogger(__name__)

B = TypeVar("B", bound=Body)

_SERVER = 0  # whom our requests go to


class Membership:
    """Runs in the task group of its client. `take` gets every message that is not ours."""

    def __init__(
        self,
        settings: Settings,
        *,
        hello: Callable[[], Hello],
        announce: Callable[[], list[Body]],
        take: Callable[[Packet], None],
    ) -> None:
        self.session = Session(secrets.token_hex(8))
        self.phase = Phase.OUT
        self.welcome: Welcome | None = None
        self.refusal: Refused | None = None
        self.settled = asyncio.Event()  # joined once, or refused for good
        self._settings = settings
        self._hello = hello
        self._announce = announce
        self._take = take
        self._wire: Wire | None = None
        self._pending = Pending(f"{self.session}-", bound=limits.QUEUE_MESSAGES // 2)
        self._unanswered: dict[str, bytes] = {}  # sent again after a break
        self._trouble = "not tried yet"
        self._backoff = Backoff(random.random)
        self._bound: asyncio.Timeout | None = None  # on the answer to a hello

    @property
    def trouble(self) -> Unreachable:
        """Why there is no connection."""
        return Unreachable(self._settings.endpoint, self._trouble)

    @property
    def over(self) -> bool:
        """Whether this client was refused for good, or has left."""
        return self.phase is Phase.OVER

    async def run(self, context: "zmq.Context[Socket]", keys: Keys | None) -> None:
        """Stay joined until refused for good. Cancel it to stop."""
        try:
            while not self.over:
                try:
                    await probe(self._settings.endpoint)
                    self._wire = Wire(context, self._settings.endpoint, keys, self._receive)
                    await self._stay(self._wire)
                    self._trouble = "the connection broke"
                except Unreachable as exc:
                    self._trouble = exc.why
                except TimeoutError:
                    self._trouble = f"hello was not answered within {limits.JOIN_S:g} s"
                finally:
                    self._hang_up()
                self._step(Event.LOST)
                if not self.over:
                    await asyncio.sleep(self._backoff.delay())
        finally:
            self.settled.set()

    async def _stay(self, wire: Wire) -> None:
        """Join over this connection and stay until it is lost. Raises `TimeoutError` without a welcome."""
        async with asyncio.timeout(None) as self._bound:
            self._step(Event.CONNECTED)
            await wire.lost.wait()

    def leave(self, reason: str) -> None:
        """Say bye and close; nothing is sent or asked any more."""
        self._step(Event.LEAVE, reason)
        self._hang_up(linger_ms=limits.LINGER_MS)
        self.settled.set()

    # Sending.

    def send(self, data: bytes) -> bool:
        """Send what may be lost; false when there is no connection or its queue is full."""
        if self.phase is not Phase.JOINED or self._wire is None:
            return False
        return self._wire.send(data) is Sent.OK

    async def ask(self, body: Body, expects: type[B], timeout: float = limits.REQUEST_S) -> B:
        """One request and its answer; repeated after a break. Raises `TimedOut` or another `BusError`."""
        if self.over:
            raise self.refusal or BusError("this client has left the bus")
        what = type(body).__name__.lower()
        request, future = self._pending.open(_SERVER, what)
        try:
            data = self._unanswered[request] = encode(body, request=request, dl=max(1, int(timeout * 1000)))
            self.send(data)
            async with asyncio.timeout(timeout):
                answer = (await future).body
        except TimeoutError:
            raise TimedOut(what, timeout) from None
        finally:
            future.cancel()
            self._unanswered.pop(request, None)
            self._pending.close(_SERVER, request)
        if not isinstance(answer, expects):
            raise RemoteError("bad-message", f"{what} was answered with {type(answer).__name__.lower()}")
        return answer

    # Receiving.

    def _receive(self, data: bytes) -> None:
        try:
            packet = decode(data, SERVER_KINDS)
        except WireError as exc:
            log.warning("dropped a message: %s", exc)
            if exc.request:
                self.send(encode(Error(), re=exc.request, err=Fault(exc.code, exc.reason[:1000])))
            return
        envelope, _, body, _ = packet
        if isinstance(body, Welcome):
            self.welcome = body
            self._step(Event.WELCOME)
        elif isinstance(body, Refuse):
            self._refused(envelope.err or Fault("not-allowed"))
        elif isinstance(body, Error):
            self._error(envelope.re, envelope.err or Fault("failed"))
        elif not envelope.re:
            self._take(packet)
        else:
            self._unanswered.pop(envelope.re, None)
            self._pending.answer(_SERVER, envelope.re, body, 0.0)

    def _refused(self, fault: Fault) -> None:
        self._trouble = f"refused: {fault.text or fault.code}"
        if fault.retry:
            self._hang_up()
            return
        self.refusal = Refused(fault.code, fault.text, detail=fault.detail)
        log.warning("the server refuses this program: %s", self.refusal)
        self._step(Event.REFUSED)
        self._hang_up()

    def _error(self, request: str, fault: Fault) -> None:
        if fault.code == "not-joined":  # what it did not take is asked again after the welcome
            self._step(Event.STRANGER)
            return
        self._unanswered.pop(request, None)
        error = RemoteError(fault.code, fault.text, retry=fault.retry, detail=fault.detail)
        if not self._pending.fail(_SERVER, request, error):
            log.warning("the server did not take a message: %s", error)

    # The table.

    def _step(self, event: Event, reason: str = "") -> None:
        before, (self.phase, actions) = self.phase, step(self.phase, event)
        if before is not self.phase:
            log.debug("membership: %s, %s -> %s", event.name, before.name, self.phase.name)
        for action in actions:
            if action is Action.HELLO:
                self._answer_within(limits.JOIN_S)
                self._say(self._hello())
            elif action is Action.ANNOUNCE:
                self._tell_again()
            elif action is Action.BYE:
                self._say(Bye(reason=reason))
            else:
                self._pending.fail_everybody(self.refusal or BusError("this client has left the bus"))

    def _tell_again(self) -> None:
        """Joined: the server learns what it should know, and what it has not answered is asked again."""
        self._answer_within(None)
        self._backoff.reset()
        for body in self._announce() if self.settled.is_set() else ():
            self._say(body)
        for data in tuple(self._unanswered.values()):
            self.send(data)
        self.settled.set()

    def _answer_within(self, seconds: float | None) -> None:
        if self._bound is not None:
            loop = asyncio.get_running_loop()
            self._bound.reschedule(None if seconds is None else loop.time() + seconds)

    def _say(self, body: Body) -> None:
        if self._wire is not None:
            self._wire.send(encode(body))

    def _hang_up(self, linger_ms: int = 0) -> None:
        if self._wire is not None:
            self._wire.close(linger_ms)
            self._wire = None
