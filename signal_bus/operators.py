"""The operators' door: verbs, and questions a prompt or a dashboard asks. Only our own user gets here.

A verb runs in a task of its own, within a deadline; so many at once and no more. A retry of a verb that
runs joins it; a retry of one that is done gets the answer it had.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signal_bus import limits
from signal_bus.clients import Link
from signal_bus.codec import Form, Packet, decode, encode, form_of
from signal_bus.delegate import Delegate
from signal_bus.envelope import Fault
from signal_bus.errors import WireError
from signal_bus.history import History
from signal_bus.kinds import OPERATOR_KINDS
from signal_bus.messages import Body, Cancel, Error, Find, Found, Ok, Ping, Pong, Replay, VerbRequest
from signal_bus.reactor import Sent
from signal_bus.replay import Known, Replays
from signal_bus.services import Services

log = logging.getLogger(__name__)

Key = tuple[str, str]  # who asks, and the id it gave

_PONG: Final = Pong()
_KEPT_ANSWERS: Final = 256
_KEPT_BYTES: Final = limits.TEXT_BYTES  # larger answers are not kept: a retry of such a verb is told so


@dataclass
class _Running:
    """A verb under way, and where its answer goes: to the connection that asked last."""

    link: Link
    form: Form
    task: asyncio.Task[None] | None = None


class OperatorDesk:
    """Handles messages of operators."""

    def __init__(
        self,
        *,
        delegate: Delegate,
        services: Services,
        history: History,
        clock: Callable[[], float],
        counters: Counter[str],
    ) -> None:
        self._tasks: asyncio.TaskGroup | None = None
        self._delegate = delegate
        self._services = services
        self._history = history
        self._clock = clock
        self._counters = counters
        self._running: dict[Key, _Running] = {}
        self._replays: Replays[Key, bytes] = Replays(_KEPT_ANSWERS)

    def run_in(self, tasks: asyncio.TaskGroup) -> None:
        """Verbs are tasks of this group; without one there are none."""
        self._tasks = tasks

    def handle(self, link: Link, data: bytes) -> None:
        """Do what one message says, and answer it."""
        try:
            packet = decode(data, OPERATOR_KINDS)
        except WireError as exc:
            self._counters[exc.code] += 1
            self._fault(link, form_of(data), exc.request, Fault(exc.code, str(exc)[:1000]))
            return
        envelope, _, body, form = packet
        link.form = form
        if type(body) is Ping:  # the hot path
            self._reply(link, encode(_PONG, form, re=envelope.id))
        elif isinstance(body, VerbRequest):
            self._verb(link, packet, body)
        else:
            self._reply(link, encode(self._answer(link, packet), form, re=envelope.id))

    def _answer(self, link: Link, packet: Packet) -> Body:
        body = packet.body
        if isinstance(body, Find):
            return Found(services=self._services.find(body.name, body.type, now=self._clock()))
        if isinstance(body, Replay):
            return self._history.since(body.cursor)
        if isinstance(body, Cancel):
            running = self._running.get((_who(link, packet), body.request))
            if running is not None and running.task is not None:
                running.task.cancel()
        return Ok()

    def _verb(self, link: Link, packet: Packet, request: VerbRequest) -> None:
        """Start a verb, or answer for one that was started before."""
        envelope = packet.envelope
        key = (_who(link, packet), envelope.id)
        if not envelope.id:
            self._fault(link, packet.form, "", Fault("bad-message", "a verb needs an id"))
        elif key in self._running:
            self._running[key].link = link
        elif isinstance(known := self._replays.begin(key), bytes):
            self._counters["replayed"] += 1
            self._reply(link, known)
        elif self._tasks is None or len(self._running) >= limits.VERBS:
            self._replays.forget(key)
            fault = Fault("busy", f"{limits.VERBS} verbs are under way", retry=True)
            self._fault(link, packet.form, envelope.id, fault)
        elif known is Known.FRESH:
            running = self._running[key] = _Running(link, packet.form)
            seconds = envelope.dl / 1000 or limits.REQUEST_S
            running.task = self._tasks.create_task(self._run(key, running, request, seconds))

    async def _run(self, key: Key, running: _Running, request: VerbRequest, seconds: float) -> None:
        """Run one verb to its answer, whatever happens in it."""
        fault = Fault("internal", "the verb failed; the daemon's log has more")
        answer: bytes | None = None
        try:
            async with asyncio.timeout(seconds):
                reply = await self._delegate.verb(request)
            answer = encode(reply, running.form, re=key[1])
            if len(answer) > limits.MESSAGE_BYTES:
                answer, fault = None, Fault("too-large", "the answer is larger than a message may be")
        except TimeoutError:
            fault = Fault("timed-out", f"not done within {seconds:g} s")
        except asyncio.CancelledError:
            fault = Fault("cancelled", "given up by the asker")
        except Exception:  # a bug in one verb must not end the server
            log.exception("verb argv=%s failed", request.argv[:1])
        finally:
            del self._running[key]
            answer = answer or encode(Error(), running.form, re=key[1], err=fault)
            if len(answer) <= _KEPT_BYTES:
                self._replays.finish(key, answer)
            else:
                note = Fault("failed", "done before; its answer was too large to keep")
                self._replays.finish(key, encode(Error(), running.form, re=key[1], err=note))
            self._reply(running.link, answer)

    def cancel_all(self) -> None:
        """The server stops: no verb goes on."""
        for running in tuple(self._running.values()):
            if running.task is not None:
                running.task.cancel()

    def _reply(self, link: Link, data: bytes) -> None:
        if link.send(data) is Sent.FULL:
            self._counters["answers-not-taken"] += 1

    def _fault(self, link: Link, form: Form, request: str, fault: Fault) -> None:
        self._reply(link, encode(Error(), form, re=request, err=fault))


def _who(link: Link, packet: Packet) -> str:
    """An operator that names its session is known by it over reconnects; any other by its connection."""
    return packet.envelope.src or f"#{link.number}"
