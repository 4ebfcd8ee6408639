"""The apps' door: what becomes of each message of a client. No socket, no task: links in, links out.

Who speaks is checked before what is said: a link belongs to one client since its hello, a client speaks for
its own id only, and what is not in `CLIENT_KINDS` never gets here.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from signal_bus import limits
from signal_bus.budget import Budget
from signal_bus.codec import Form, Packet, decode, encode, form_of
from signal_bus.delegate import Delegate, Peer, Refusal
from signal_bus.envelope import Fault
from signal_bus.errors import Gone, RemoteError, WireError
from signal_bus.kinds import CLIENT_KINDS
from signal_bus.messages import (
    Beat,
    Body,
    Bye,
    Closing,
    Error,
    EventNote,
    Fence,
    Find,
    Found,
    Hello,
    Lease,
    Offer,
    Ok,
    Ping,
    Pong,
    Ready,
    Refuse,
    StateNote,
    UsageNote,
    Welcome,
    Withdraw,
)
from signal_bus.patience import Patience
from signal_bus.pending import Pending
from signal_bus.reactor import Sent
from signal_bus.registry import Client, Registry, Verdict
from signal_bus.replay import Known, Replays
from signal_bus.services import Change, Services, TooManyServices

log = logging.getLogger(__name__)

_PONG: Final = Pong()


class Link(Protocol):
    """One connection, as `doors.Link` or a test gives it."""

    form: Form
    peer: Peer
    number: int

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""

    def settle(self) -> None:
        """Remember this link until it is forgotten."""

    def forget(self) -> None:
        """It no longer matters."""


class Denied(Exception):
    """What a client asked is not done; becomes an `error` message."""

    def __init__(self, code: str, text: str, *, retry: bool = False) -> None:
        super().__init__(text)
        self.fault = Fault(code, text, retry)


class ClientDesk:
    """Handles messages of clients, and sends them what others have for them."""

    def __init__(
        self,
        *,
        home_id: str,
        registry: Registry,
        services: Services,
        pending: Pending,
        delegate: Delegate,
        clock: Callable[[], float],
        counters: Counter[str],
    ) -> None:
        self._home_id = home_id
        self._registry = registry
        self._services = services
        self._pending = pending
        self._delegate = delegate
        self._clock = clock
        self._counters = counters
        self._links: dict[int, Link] = {}
        self._budgets: dict[int, Budget] = {}
        self._patience = Patience()
        self._replays: Replays[tuple[int, str, str], bytes] = Replays()
        self._handlers: dict[type[Body], Callable[[Client, Any], Body | None]] = {  # Any: the key's type
            Bye: self._bye,
            Ready: self._ready,
            StateNote: self._state,
            Beat: self._beat,
            UsageNote: self._usage,
            Closing: self._closing,
            Offer: self._offer,
            Withdraw: self._withdraw,
            Lease: self._lease,
            Find: self._find,
            EventNote: self._event,
        }

    # What comes in.

    def handle(self, link: Link, data: bytes) -> None:
        """Do what one message says, and answer it."""
        if not self._patience.hears(_who(link), self._clock()):
            self._counters["not-heard"] += 1
            return
        try:
            packet = decode(data, CLIENT_KINDS)
        except WireError as exc:
            self._reject(link, form_of(data), exc.request, Fault(exc.code, str(exc)[:1000]))
            return
        envelope, _, body, form = packet
        link.form = form
        client = self._registry.at(link.number)
        if client is not None and self._registry.heard(client, self._clock()):
            self._delegate.health(client.seq, client.generation, client.health.value)
        if type(body) is Ping:  # the hot path
            self._reply(link, encode(_PONG, form, re=envelope.id))
        elif type(body) is Hello:
            self._hello(link, envelope.id, body)
        else:
            try:
                self._serve(link, client, packet)
            except Denied as denied:
                self._reject(link, form, envelope.id, denied.fault)

    def _serve(self, link: Link, client: Client | None, packet: Packet) -> None:
        """Everything but hello and ping. Raises `Denied`."""
        envelope, kind, body, form = packet
        if client is None:
            raise Denied("not-joined", "say hello first", retry=True)
        if envelope.dst or envelope.src not in ("", f"{client.seq}.{client.generation}"):
            raise Denied(
                "not-yours", f"this connection speaks for {client.seq}.{client.generation} to the server"
            )
        if envelope.re:
            self._answer(client, packet)
            return
        if kind.noise and not self._budgets[link.number].take(self._clock()):
            raise Denied("rate-limited", f"more than {limits.NOISE_PER_S:g} a second", retry=True)
        handler = self._handlers.get(type(body))
        if handler is None:
            raise Denied("bad-message", f"{kind.tag} answers a request, but names none")
        if not envelope.id:
            handler(client, body)
        elif kind.mutates:
            self._once(
                link, client, envelope.id, lambda: encode(handler(client, body) or Ok(), form, re=envelope.id)
            )
        else:
            self._reply(link, encode(handler(client, body) or Ok(), form, re=envelope.id))

    def _once(self, link: Link, client: Client, request: str, do: Callable[[], bytes]) -> None:
        """Do a mutation, unless it was done: then give the answer it had."""
        key = (client.seq, client.session, request)
        known = self._replays.begin(key)
        if isinstance(known, bytes):
            self._counters["replayed"] += 1
            self._reply(link, known)
            return
        if known is Known.RUNNING:
            return
        try:
            answer = do()
        except Exception:
            self._replays.forget(key)
            raise
        self._replays.finish(key, answer)
        self._reply(link, answer)

    def _answer(self, client: Client, packet: Packet) -> None:
        """An answer to one of our requests; a late one is counted, not complained about."""
        request = packet.envelope.re
        fault = packet.envelope.err
        if isinstance(packet.body, Error):
            fault = fault or Fault("failed")
            error = RemoteError(fault.code, fault.text, retry=fault.retry, detail=fault.detail)
            known = self._pending.fail(client.seq, request, error)
        else:
            known = self._pending.answer(client.seq, request, packet.body, self._clock())
        if not known:
            self._counters["late-answers"] += 1

    def _reject(self, link: Link, form: Form, request: str, fault: Fault) -> None:
        self._counters[fault.code] += 1
        log.debug("link=%d: %s: %s", link.number, fault.code, fault.text)
        self._delegate.refused(fault.code, fault.text)
        if fault.code != "rate-limited":  # to say so costs little, and an eager app is not a broken one
            self._lose_patience(link)
        if request or fault.code != "rate-limited":  # a flood is not answered by another
            self._reply(link, encode(Error(), form, re=request, err=fault))

    def _lose_patience(self, link: Link) -> None:
        if self._patience.lose(_who(link), self._clock()):
            text = f"process {link.peer.pid} is not heard for {limits.MUTED_S:g} s: too much to refuse"
            self._delegate.refused("not-heard", text)

    # Joining.

    def _hello(self, link: Link, request: str, hello: Hello) -> None:
        self._lose_patience(link)  # a program says it once or so
        answer = self._admit(link, hello)
        if isinstance(answer, Refusal):
            self._counters[f"refused:{answer.code}"] += 1
            log.debug(
                "link=%d: refused seq=%d pid=%s: %s", link.number, hello.seq, link.peer.pid, answer.text
            )
            self._delegate.refused(answer.code, answer.text)
            fault = Fault(answer.code, answer.text, answer.retry)
            self._reply(link, encode(Refuse(), link.form, re=request, err=fault))
            return
        welcome = Welcome(
            seq=answer.seq,
            generation=answer.generation,
            home=self._home_id,
            beat_s=answer.beat_s,
            resumed=hello.resume,
        )
        self._reply(link, encode(welcome, link.form, re=request))
        log.info("seq=%d generation=%d joined pid=%s", answer.seq, answer.generation, answer.pid)
        self._delegate.registered(answer.seq, answer.generation, hello)

    def _admit(self, link: Link, hello: Hello) -> Client | Refusal:
        """The client this hello makes, or why it makes none."""
        if limits.VERSION not in hello.versions:
            return Refusal("no-version", f"this server speaks version {limits.VERSION}")
        present = self._registry.at(link.number)
        if present is not None and present.session != hello.session:
            return Refusal("not-yours", f"this connection speaks for {present.seq}.{present.generation}")
        admission = self._delegate.admit(hello, link.peer)
        if isinstance(admission, Refusal):
            return admission
        if present is not None and (present.seq, present.generation) != (admission.seq, admission.generation):
            return Refusal("not-yours", f"this connection speaks for {present.seq}.{present.generation}")
        verdict = self._registry.judge(admission, hello.session, link.peer.pid)
        before = self._registry.get(admission.seq)
        if verdict is Verdict.DUPLICATE and before is not None and not self._still_there(before):
            verdict = self._registry.judge(admission, hello.session, link.peer.pid)
        if verdict is Verdict.STALE:
            return Refusal("stale", f"a newer launch of id {admission.seq} has joined")
        if verdict is Verdict.DUPLICATE:
            return Refusal("duplicate", f"another process speaks for id {admission.seq}")
        if before is not None:
            self._replace(before, link, same=verdict is Verdict.REJOIN)
        self._links[link.number] = link
        self._budgets.setdefault(link.number, Budget(limits.NOISE_PER_S, limits.NOISE_BURST, self._clock()))
        link.settle()
        return self._registry.join(admission, hello, link.peer, link.number, self._clock())

    def _still_there(self, client: Client) -> bool:
        """Whether the client's connection still takes messages."""
        return self.push(client, encode(Ping(), self._links[client.link].form)) is Sent.OK

    def _replace(self, before: Client, link: Link, *, same: bool) -> None:
        """Make room for the client that takes this one's place."""
        if before.link != link.number:
            self._drop_link(before.link)
        if not same:
            self._pending.fail_all(before.seq, Gone(before.seq, "another process took its place"))
            self.changed(self._services.remove(before.seq, before.generation, self._clock()))

    # What a client says of itself.

    def _bye(self, client: Client, body: Bye) -> None:
        self._registry.leave(client)
        self._pending.fail_all(client.seq, Gone(client.seq, "it left the bus"))
        self.changed(self._services.remove(client.seq, client.generation, self._clock()))
        self._delegate.bye(client.seq, client.generation, body.reason)

    def _ready(self, client: Client, body: Ready) -> None:
        client.word, client.reason = "ready", ""
        client.endpoints = body.endpoints
        self._delegate.ready(client.seq, client.generation, body.endpoints)

    def _state(self, client: Client, body: StateNote) -> None:
        client.word, client.reason = body.word, body.reason
        self._delegate.state(client.seq, client.generation, body.word, body.reason)

    def _beat(self, client: Client, body: Beat) -> None:
        client.lag_s, client.work = body.lag_s, body.work

    def _usage(self, client: Client, body: UsageNote) -> None:
        self._delegate.usage(client.seq, client.generation, body.figures)

    def _closing(self, client: Client, body: Closing) -> None:
        self._delegate.closing(client.seq, client.generation, body)

    def _event(self, client: Client, body: EventNote) -> None:
        self._delegate.event(client.seq, client.generation, body.topic, body.data)

    def _offer(self, client: Client, body: Offer) -> None:
        try:
            change = self._services.offer(client.seq, client.generation, body, self._clock())
        except TooManyServices:
            raise Denied("busy", f"more than {limits.SERVICES_PER_CLIENT} services") from None
        self.changed(change)

    def _withdraw(self, client: Client, body: Withdraw) -> None:
        self.changed(self._services.withdraw(client.seq, body.name, body.type, self._clock()))

    def _lease(self, client: Client, body: Lease) -> Fence:
        answer = self._delegate.lease(client.seq, client.generation, body.name, release=body.release)
        if isinstance(answer, Refusal):
            raise Denied(answer.code, answer.text, retry=answer.retry)
        return answer

    def _find(self, client: Client, body: Find) -> Found:
        return Found(services=self._services.find(body.name, body.type, now=self._clock()))

    # What goes out.

    def _reply(self, link: Link, data: bytes) -> None:
        """Answer; a client whose answers pile up is dropped, and asks again when it reads and joins again."""
        if link.send(data) is Sent.FULL:
            self._counters["answers-not-taken"] += 1
            client = self._registry.at(link.number)
            if client is not None:
                self.lose(client, "it does not read its answers")

    def changed(self, change: Change) -> None:
        """Tell the delegate of services that came or went."""
        if change:
            self._delegate.services_changed(change.added, change.removed)

    def form(self, client: Client) -> Form:
        """The form this client speaks."""
        link = self._links.get(client.link)
        return link.form if link else Form.MSGPACK

    def door(self, client: Client) -> str:
        """Which door it came in by."""
        link = self._links.get(client.link)
        return link.peer.door if link else ""

    def push(self, client: Client, data: bytes, *, lossy: bool = False) -> Sent:
        """Send to a client; one that stopped reading is dropped, unless the message may be lost instead."""
        link = self._links.get(client.link)
        sent = link.send(data) if link is not None else Sent.GONE
        if sent is Sent.FULL and lossy:
            self._counters["events-not-taken"] += 1
        elif sent is not Sent.OK:
            self.lose(client, "it does not read" if sent is Sent.FULL else "its connection broke")
        return sent

    def lose(self, client: Client, why: str) -> None:
        """The client cannot be reached; it may join again."""
        lost = self._registry.lose(client.link)
        self._drop_link(client.link)
        self._pending.fail_all(client.seq, Gone(client.seq, why))
        if lost is not None:
            self._counters["lost"] += 1
            log.info("seq=%d generation=%d lost: %s", client.seq, client.generation, why)
            self._delegate.lost(client.seq, client.generation)

    def exited(self, client: Client) -> None:
        """The kernel said the client's process ended; it is out of the registry already."""
        self._drop_link(client.link)

    def _drop_link(self, number: int) -> None:
        self._budgets.pop(number, None)
        link = self._links.pop(number, None)
        if link is not None:
            link.forget()


def _who(link: Link) -> tuple[str, int]:
    """Who is to blame for what a link brings: its process, or where that is unknown the link itself."""
    pid = link.peer.pid
    return ("link", link.number) if pid is None else ("pid", pid)
