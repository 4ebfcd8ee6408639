"""A control channel: requests and answers both ways on one session.

Each record holds one msgpack map of at most 65536 bytes:

question   {id, method, body}    id from 1, chosen by the asker; left off when no answer is wanted
answer     {re, body} or {re, err: {code, text}}

`body` is a map whose form the method tells. Fields at their default are left off. Anything else ends the
channel.

One task reads the socket and one writes to it; each question of the peer is answered in a task of its own.
All are owned by the channel and end with it:

    async with ControlChannel(session, methods) as channel:
        reply = await channel.call("reserve", Reserve(...), Reserved)

Who was wrong: `RemoteError` is the peer's answer; `WireError` an answer of another form; `TimedOut`, `Gone`
and `Busy` are nobody's fault. A late answer is dropped.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Annotated, Any, Final, NamedTuple, Self

import msgspec

from components.mesh import payloads
from components.mesh.errors import (
    Busy,
    CallerError,
    Gone,
    MeshError,
    RemoteError,
    TimedOut,
    WireError,
    WorldError,
    reason,
)
from components.mesh.handshake import Code, Sentence
from components.mesh.payloads import Body
from components.mesh.record import RecordReader
from components.mesh.session import Session

log = logging.getLogger(__name__)

MAX_MESSAGE: Final = 64 * 1024
MAX_CALLS: Final = 64  # of ours under way
MAX_ANSWERING: Final = 64  # of the peer's under way; more are answered `busy`
MAX_QUEUED: Final = 2 * MAX_ANSWERING
CALL_S: Final = 10.0
ANSWER_S: Final = 30.0
SEND_S: Final = 20.0

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a question has no answer."""

    code: Code
    text: Sentence = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one record holds."""

    id: Number = 0
    method: Code = ""
    re: Number = 0
    body: msgspec.Raw = payloads.EMPTY
    err: Fault | None = None


class Nothing(msgspec.Struct, frozen=True):
    """A body without fields."""


class Method(NamedTuple):
    """What answers a question: the type of its body, and what is called with it.

    The call returns the answer's body (None is one without fields); a `RemoteError` it raises becomes the
    fault.
    """

    body: type[msgspec.Struct]
    call: Callable[[Any], Awaitable[msgspec.Struct | None]]  # Any: an instance of `body`


NO_METHODS: Final[Mapping[str, Method]] = MappingProxyType({})


class ControlChannel:
    """Asks and answers on a session, which it owns. `ended` is set when nothing can pass any more."""

    def __init__(
        self,
        session: Session,
        methods: Mapping[str, Method] = NO_METHODS,
        *,
        largest: int = MAX_MESSAGE,
    ) -> None:
        self.peer = session.peer
        self.ended = asyncio.Event()
        self.why = ""  # it ended, once it did
        self._session = session
        self._methods = methods
        self._largest = largest
        self._ids = count(1)
        self._calls: dict[int, asyncio.Future[Message]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED)
        self._tasks = asyncio.TaskGroup()
        self._ends: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._ends = (self._tasks.create_task(self._read()), self._tasks.create_task(self._write()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it. What the body raised goes on as it is: not a task's failure, so not in a group."""
        self.end("it was closed here")
        for task in (*self._ends, *self._answering):
            task.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._session.close()

    async def call(
        self, method: str, body: msgspec.Struct | None, reply: type[Body], *, deadline_s: float = CALL_S
    ) -> Body:
        """The peer's answer. Raises `RemoteError`, `WireError`, `TimedOut`, `Gone`, `Busy`, `CallerError`."""
        if len(self._calls) >= MAX_CALLS:
            raise Busy("calls", MAX_CALLS)
        number = next(self._ids)
        plain = self._encoded(Message(id=number, method=method, body=payloads.raw(body)))
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._refuse_if_ended()
        self._calls[number] = answer
        try:
            async with asyncio.timeout(deadline_s):
                await self._outgoing.put(plain)
                message = await answer
        except TimeoutError as exc:
            raise TimedOut(method, deadline_s) from exc
        finally:
            del self._calls[number]
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen: the end of the channel may come while the deadline passes
        if message.err is not None:
            raise RemoteError(message.err.code, message.err.text)
        return payloads.decode(message.body, reply)

    async def tell(
        self, method: str, body: msgspec.Struct | None = None, *, deadline_s: float = CALL_S
    ) -> None:
        """Say something that needs no answer; it may be lost. Raises `TimedOut`, `Gone` or `CallerError`."""
        plain = self._encoded(Message(method=method, body=payloads.raw(body)))
        self._refuse_if_ended()
        try:
            async with asyncio.timeout(deadline_s):
                await self._outgoing.put(plain)
        except TimeoutError as exc:
            raise TimedOut(method, deadline_s) from exc

    # Coming in.

    async def _read(self) -> None:
        """Take what arrives. The only reader of the socket."""
        loop, sock = asyncio.get_running_loop(), self._session.socket
        reader = RecordReader(self._session.opener, largest=self._largest)
        try:
            reader.feed(self._session.leftover)
            while True:
                while (plain := reader.next()) is not None:
                    self._take(payloads.decode(plain, Message))
                received = await loop.sock_recv_into(sock, reader.room())
                if not received:
                    self.end("the peer closed the connection")
                    return
                reader.filled(received)
        except MeshError as exc:
            log.warning("ended a channel peer=%s: %s", self.peer.hex(), exc)
            self.end(f"the peer broke the rules: {exc}")
        except OSError as exc:
            self.end(f"the connection broke: {reason(exc)}")

    def _take(self, message: Message) -> None:
        if message.re:
            answer = self._calls.get(message.re)
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif not message.method:
            raise WireError("a message that neither asks nor answers")
        elif len(self._answering) < MAX_ANSWERING:
            task = self._tasks.create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif message.id:
            self._put_at_once(Message(re=message.id, err=Fault("busy")))

    async def _answer(self, question: Message) -> None:
        try:
            reply = await self._answered(question)
        except Exception:  # a bug in one method must not end the channel
            log.exception("method=%s of peer=%s failed", question.method, self.peer.hex())
            reply = Message(re=question.id, err=Fault("internal"))
        if question.id:
            await self._outgoing.put(payloads.encode(reply))

    async def _answered(self, question: Message) -> Message:
        method = self._methods.get(question.method)
        number = question.id
        if method is None:
            return Message(re=number, err=Fault("no-such-method", question.method))
        try:
            body = payloads.decode(question.body, method.body)
        except WireError as exc:
            return Message(re=number, err=Fault("bad-request", str(exc)[:512]))
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = Message(re=number, body=payloads.raw(await method.call(body)))
            self._encoded(reply)
        except RemoteError as exc:
            return Message(re=number, err=Fault(exc.code[:64], exc.text[:512]))
        except TimeoutError:
            return Message(re=number, err=Fault("timeout"))
        except Busy as exc:
            return Message(re=number, err=Fault("busy", str(exc)[:512]))
        except WorldError as exc:
            return Message(re=number, err=Fault("failed", str(exc)[:512]))
        return reply

    # Going out.

    async def _write(self) -> None:
        """Send what is queued, in order. The only writer of the socket."""
        loop, sealer = asyncio.get_running_loop(), self._session.sealer
        try:
            while True:
                plain = await self._outgoing.get()
                sealer.tick(loop.time())
                async with asyncio.timeout(SEND_S):
                    await loop.sock_sendall(self._session.socket, sealer.record(plain))
        except TimeoutError:
            self.end(f"the peer read nothing for {SEND_S:g} s")
        except OSError as exc:
            self.end(f"the connection broke: {reason(exc)}")

    def _put_at_once(self, message: Message) -> None:
        """Queue from the reader, which must not wait: a peer that asks and does not read is left."""
        try:
            self._outgoing.put_nowait(payloads.encode(message))
        except asyncio.QueueFull:
            raise WireError("it asks and asks, and reads no answer") from None

    def _encoded(self, message: Message) -> bytes:
        plain = payloads.encode(message)
        if len(plain) > self._largest:
            raise CallerError(f"a message of {len(plain)} bytes (at most {self._largest} are allowed)")
        return plain

    # The end.

    def _refuse_if_ended(self) -> None:
        if self.ended.is_set():
            raise Gone(self.why)

    def end(self, why: str) -> None:
        """Let nothing pass any more, and wake all who wait; leaving the `async with` does so too."""
        if self.ended.is_set():
            return
        self.why = why
        self.ended.set()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(Gone(why))
        while not self._outgoing.empty():  # so that nobody waits for room
            self._outgoing.get_nowait()
        with suppress(OSError):  # wakes the reader; the socket is closed when its tasks have ended
            self._session.socket.shutdown(socket.SHUT_RDWR)
