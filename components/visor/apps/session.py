"""One app at the visor: what it asks, what it has, and what it is told.

    NEW      only `hello` is taken, within a deadline
    JOINED   everything else
    GONE     the connection is over: ports are free, dials cancelled, streams broken off

A dial waits in a task of its own; all else is answered at once. An app that does not read is refused new
streams and loses messages; when not even an answer fits, it is hung up on.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from enum import Enum, auto
from itertools import islice
from typing import Final

from components.mesh import keys
from components.mesh.errors import MeshError
from components.mesh.marked import own_mark
from components.visor.apps import codec, handed
from components.visor.apps.channel import Channel
from components.visor.apps.dialler import Offer
from components.visor.apps.dials import Dials, failed
from components.visor.apps.errors import Refusal
from components.visor.apps.letters import AppLetters
from components.visor.apps.limits import VERSION
from components.visor.apps.messages import (
    Collect,
    Datagram,
    Describe,
    Description,
    Dial,
    Done,
    Ended,
    Fault,
    ForLetters,
    FromApp,
    FromVisor,
    Give,
    Hello,
    Hold,
    Incoming,
    Joined,
    Listen,
    Meaning,
    Note,
    Plain,
    Reset,
    Resolve,
    Send,
    Unlisten,
)
from components.visor.apps.node import Node
from components.visor.apps.streams import AppStreams, OpenStream
from components.visor.groups.path import Policy
from components.visor.plane.streams.api import Code

log = logging.getLogger(__name__)

STREAMS_DESCRIBED: Final = 256  # so that a description fits into one message


class State(Enum):
    """Of an app's connection."""

    NEW = auto()
    JOINED = auto()
    GONE = auto()


class AppSession:
    """Owns the connection. `gone` is called once, when it is over."""

    def __init__(self, node: Node, sock: socket.socket, gone: Callable[["AppSession"], None]) -> None:
        self.state = State.NEW
        self.name, self.seq, self.generation = "", 0, 0
        self.streams = AppStreams(node.bounds.streams, self._stream_ended, self._stream_opened)
        self._node = node
        self._gone = gone
        self._dials = Dials(node, self.streams, self._say)
        self._letters = AppLetters(node.mail, node.tasks, self._say)
        loop = asyncio.get_running_loop()
        self._channel: Channel[FromApp] = Channel(loop, sock, codec.of_app, self._take, self._ended)
        self._deadline = loop.call_later(node.bounds.hello_s, self._channel.end, "it did not say who it is")

    def __str__(self) -> str:
        return f"the app {self.name}" + (f" (id {self.seq})" if self.seq else "")

    # -- what it asks

    def _take(self, message: FromApp, descriptor: int | None) -> None:
        sock: socket.socket | None = None
        try:
            sock = None if descriptor is None else handed.taken(descriptor)
            self._check_state(message)
            if isinstance(message, Dial):
                self._dials.begin(message, sock)
            elif isinstance(message, ForLetters):
                self._letters_of(message)
            elif isinstance(message, Give):
                self._give(message, sock)
            else:
                self._say(self._answer(message))
        except MeshError as exc:
            if sock is not None:
                sock.close()
            self._say(failed(message.id, exc))

    def _check_state(self, message: FromApp) -> None:
        if isinstance(message, Hello) != (self.state is State.NEW):
            raise Refusal(Fault.HELLO_FIRST, "say hello once, and before all else")

    def _answer(self, message: Plain) -> FromVisor:
        match message:
            case Hello():
                return self._hello(message)
            case Listen(id, port):
                return Done(id, port=self._listen(port))
            case Unlisten(id, port):
                self._node.ports.unlisten(self, port)
                self._letters.leave(port)
                return Done(id)
            case Send():
                return self._send(message)
            case Reset(id, stream, code):
                self.streams.reset(stream, code)
                return Done(id)
            case Hold(id, stream):
                self.streams.hold(stream)
                return Done(id)
            case Describe(id):
                return self._described(id)
            case Resolve(id, text):
                return Meaning(id, *self._node.names(text))

    def _hello(self, hello: Hello) -> Joined:
        if hello.version != VERSION:
            raise Refusal(
                Fault.BAD_VERSION,
                f"this visor speaks version {VERSION} of the app protocol, you {hello.version}",
            )
        self._deadline.cancel()
        self.state = State.JOINED
        self.name, self.seq, self.generation = hello.name, hello.seq, hello.generation
        log.info("joined app=%s seq=%d gen=%d", self.name, self.seq, self.generation)
        bounds = self._node.bounds
        limits = (bounds.ports, bounds.streams, bounds.dials)
        return Joined(hello.id, self._node.mesh.key, VERSION, *limits, own_mark())

    def _listen(self, port: int) -> int:
        most = self._node.bounds.ports
        if len(self._node.ports.of(self)) >= most:
            raise Refusal(Fault.TOO_MANY, f"you listen on {most} ports, no more are allowed")
        return self._node.ports.listen(self, port)

    def _send(self, message: Send) -> Done:
        if message.source and self._node.ports.listener(message.source) is not self:
            raise Refusal(Fault.NOT_LISTENING, f"port {message.source} is not yours; listen on it first")
        peer = keys.check(message.pk)
        if peer == self._node.mesh.key:
            sent = self._node.deliver(Datagram(message.port, peer, message.source, message.data))
        else:
            sent = self._node.mesh.message(peer, message.port, message.source, Policy(), message.data)
        if not sent:
            raise Refusal(Fault.DROPPED, "the message was dropped: nobody listens, or too many wait")
        return Done(message.id)

    def _give(self, message: Give, sock: socket.socket | None) -> None:
        if sock is None:
            raise Refusal(Fault.BAD_DESCRIPTOR, "a give without a descriptor; hand over a connected socket")
        self.streams.give(message.stream, sock)
        self._say(Done(message.id))

    def _letters_of(self, message: ForLetters) -> None:
        if isinstance(message, Collect) and self._node.ports.listener(message.port) is not self:
            raise Refusal(Fault.NOT_LISTENING, f"port {message.port} is not yours; listen on it first")
        self._letters.begin(message)

    def _described(self, id: int) -> Description:
        now = asyncio.get_running_loop().time()
        return Description(
            re=id,
            name=self.name,
            pk=self._node.mesh.key,
            ports=self._node.ports.of(self),
            dials=len(self._dials),
            count=len(self.streams),
            streams=tuple(stream.facts(now) for stream in islice(self.streams, STREAMS_DESCRIBED)),
        )

    # -- what it is told

    def offered(self, offer: Offer) -> None:
        """A peer wants a stream to a port of this app: take it, or refuse when there is no room."""
        if self.streams.full or not self._channel.has_room:
            log.warning("refused a stream app=%s: too many", self.name)
            offer.refuse(Code.BUSY)
            return
        ours, theirs = handed.pair()
        stream = self.streams.make(offer.peer, offer.port, offer.source, dialled=False)
        stream.mesh = offer.accept(theirs, self.streams.over(stream))
        if stream.mesh is None:
            self.streams.forget(stream)
            ours.close()
            return
        self._say(Incoming(stream.number, offer.port, offer.peer, offer.source), ours)
        self.streams.announced(stream, asyncio.get_running_loop().time())

    def take_local(self, port: int, source: int, sock: socket.socket) -> bool:
        """A stream of an app of the same visor: its socket is this app's, and the visor is out of it."""
        return self._channel.send(Incoming(0, port, self._node.mesh.key, source, local=True), sock)

    def note(self, note: Note) -> bool:
        """Tell it something that may be lost."""
        return self._channel.send(note)

    def _stream_opened(self, stream: OpenStream) -> None:
        self._node.opened(self.name, stream)

    def _stream_ended(self, stream: OpenStream, ended: Ended) -> None:
        if stream.dialled:
            self._node.ports.give_back(stream.port)
        if self.state is not State.GONE:
            self._say(ended)

    def _say(self, message: FromVisor, handing: socket.socket | None = None) -> None:
        if not self._channel.send(message, handing, owed=True) and self.state is not State.GONE:
            log.warning("hung up on app=%s", self.name)
            self._channel.end("it reads no answer")

    # -- the end

    def close(self, why: str) -> None:
        """Hang up."""
        self._channel.end(why)

    def _ended(self, why: str) -> None:
        log.info("left app=%s seq=%d: %s", self.name or "unknown", self.seq, why)
        self.state = State.GONE
        self._deadline.cancel()
        self._node.ports.release(self)
        self._dials.cancel()
        self._letters.close()
        self.streams.reset_all(Code.GONE)
        self._gone(self)
