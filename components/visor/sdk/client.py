"""`App`: an app's place at its visor. `components.visor.app` is the door to it."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from components.visor.apps.limits import MAX_CALLED, MAX_NAME, MESSAGE_MAX, VERSION
from components.visor.apps.messages import (
    Datagram,
    Describe,
    Description,
    Done,
    Ended,
    Give,
    Hello,
    Hold,
    Incoming,
    Joined,
    Listen,
    Meaning,
    Reset,
    Resolve,
    Send,
    Unlisten,
)
from components.visor.apps.place import VARIABLE
from components.visor.sdk.connection import Connection, Told
from components.visor.sdk.errors import Misuse, VisorGone
from components.visor.sdk.farvisor import FarVisor, parse
from components.visor.sdk.handed import Handed
from components.visor.sdk.letters import Mail
from components.visor.sdk.listener import BACKLOG, Listener
from components.visor.sdk.question import Key, dial, parse_key, port_of
from components.visor.sdk.reach import path_of, reach
from components.visor.sdk.stream import Stream
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

PATIENCE_S: Final = 10.0
DIAL_S: Final = 35.0  # somewhat more than the visor takes


class App:
    """Leaving the block closes all its streams and gives its ports back.

    Raises, wherever it asks the visor: `VisorGone`, `NoAnswer`, or a `Refused` of the right kind.
    """

    def __init__(
        self, place: Path | FarVisor, *, name: str, seq: int, generation: int, patience_s: float
    ) -> None:
        self.place = place
        self.name = name
        self._seq, self._generation = seq, generation
        self._patience_s = patience_s
        self._connection: Connection | None = None
        self._joined: Joined | None = None
        self._listeners: dict[int, Listener] = {}
        self._streams: dict[int, Stream | Handed] = {}
        self._local: set[Stream] = set()
        self.mail = Mail(lambda: self._asked, parse_key)

    @classmethod
    def connect(
        cls,
        address: str | None = None,
        *,
        name: str = "",
        patience_s: float = PATIENCE_S,
        environ: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Self:
        """An app that joins on `async with`, and waits so long for a visor. Raises `Misuse`.

        KEY@host:port is a visor on another host, which must allow the key of `identity`.
        """
        environ = os.environ if environ is None else environ
        called = name or Path(sys.argv[0]).name or "app"
        return cls(
            _place(address, identity, environ),
            name=called[:MAX_NAME],
            seq=_number(environ.get("VISCRIPT_SEQ", "")),
            generation=_number(environ.get("VISCRIPT_GENERATION", "")),
            patience_s=patience_s,
        )

    async def __aenter__(self) -> Self:
        """Raises `NoVisor`, `Refused`, `NoAnswer` or `VisorGone`."""
        async with AsyncExitStack() as stack:
            if isinstance(self.place, FarVisor):
                await self._join((await stack.enter_async_context(self.place)).open())
            else:
                await self._join(await reach(self.place, self._patience_s))
            self._stack = stack.pop_all()
        return self

    async def _join(self, sock: socket.socket) -> None:
        told = Told(self._incoming, self._message, self._ended, self._gone, self.mail.told)
        connection = Connection(sock, told)
        hello = Hello(connection.next_id(), self.name, VERSION, self._seq, self._generation)
        try:
            self._joined = await connection.ask(hello, Joined)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await self._stack.aclose()

    def close(self) -> None:
        """Hang up: all streams and ports end."""
        for stream in (*self._streams.values(), *self._local):
            if isinstance(stream, Stream):
                stream.close()
        if self._connection is not None:
            self._connection.close()

    @property
    def key(self) -> PublicKey:
        """The visor's, which is this app's name in the mesh."""
        if self._joined is None:
            raise Misuse("not connected: use `async with App.connect() as app`")
        return PublicKey(self._joined.pk)

    @property
    def mark(self) -> int:
        """The firewall mark of the visor's own packets; 0 when it may not set one."""
        return 0 if self._joined is None else self._joined.mark

    # -- streams and messages

    async def dial(
        self,
        pk: Key,
        port: int,
        *,
        min_hops: int = 1,
        hops: Sequence[Key] = (),
        group: str = "",
        first: bytes = b"",
        link: bool = False,
        deadline_s: float = DIAL_S,
    ) -> Stream:
        """A stream to an app at `port` of a visor. Raises `DialError`, or what it is in particular.

        `first` goes along with the dial, which saves a round trip: up to 4 KiB, as if written to the stream.
        With `link`, a peer to which no path is known is linked with first, which takes its time.
        """
        question = dial(self._asked.next_id(), pk, port, min_hops, hops, group, first=first, link=link)
        made: list[Stream] = []

        def opened(done: Done, sock: socket.socket | None) -> None:
            if sock is not None:
                made.append(self._made(done.stream, sock, PublicKey(question.pk), done.port, port))
                made[0].wrote(len(first))

        try:
            await self._asked.ask(question, Done, opened=opened, deadline_s=deadline_s)
        except BaseException:
            for stream in made:  # it came while this task was being cancelled
                if stream.id:
                    self._asked.give_up(stream.id)
                stream.close()
            raise
        if not made:
            raise VisorGone("the visor answered without a socket: not one of this version")
        return made[0]

    async def hand_over(
        self,
        sock: socket.socket,
        pk: Key,
        port: int,
        *,
        min_hops: int = 1,
        hops: Sequence[Key] = (),
        group: str = "",
        deadline_s: float = DIAL_S,
    ) -> Handed:
        """As `dial`, but the visor reads and writes `sock` itself: a connected TCP or unix socket.

        It is closed here in any case, and the app must have no more bytes of it.
        """
        try:
            self.check_near()
            question = dial(self._asked.next_id(), pk, port, min_hops, hops, group, handing=True)
            asked = self._asked
        except BaseException:
            sock.close()
            raise
        handed = Handed(self, peer=PublicKey(question.pk), rport=port)

        def opened(done: Done, _: socket.socket | None) -> None:
            handed.id, handed.port = done.stream, done.port
            if done.stream:
                self._streams[done.stream] = handed

        await asked.ask(question, Done, handing=sock, opened=opened, deadline_s=deadline_s)
        return handed

    def listen(self, port: int = 0, *, backlog: int = BACKLOG) -> Listener:
        """The streams and messages that come for a port; 0 is any that is free."""
        return Listener(self, port_of(port, least=0), backlog=backlog)

    async def send(self, pk: Key, port: int, data: bytes, *, source: int = 0) -> None:
        """Send a message, at most once. `source` is a port of ours that takes the answer, if any may come."""
        if len(data) > MESSAGE_MAX:
            raise Misuse(f"a message of {len(data)} bytes; at most {MESSAGE_MAX} go, so dial for more")
        question = Send(self._asked.next_id(), parse_key(pk), port_of(port), bytes(data), source)
        await self._asked.ask(question, Done)

    async def describe(self) -> Description:
        """What the visor knows of this app: ports, dials, streams with their bytes."""
        told = await self._asked.ask(Describe(self._asked.next_id()), Description)
        for facts in told.streams:
            stream = self._streams.get(facts.stream)
            if isinstance(stream, Handed):
                stream.counted(facts.sent, facts.received)
        return told

    async def resolve(self, text: str) -> PublicKey:
        """The key of whom `text` means: a key, its first 6 digits or more, or a label of the address book.

        Raises `UnknownName` saying why it means nobody, or could mean several.
        """
        return PublicKey((await self.meaning(text)).pk)

    async def meaning(self, text: str) -> Meaning:
        """As `resolve`, with what the key is called here."""
        if not 0 < len(text) <= MAX_CALLED:
            raise Misuse(f"a key or a label is expected, of at most {MAX_CALLED} letters")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise Misuse("a key or a label is expected, and this text is no Unicode")
        return await self._asked.ask(Resolve(self._asked.next_id(), text), Meaning)

    def check_near(self) -> None:
        """Raises `Misuse` when the visor can be handed no socket."""
        if isinstance(self.place, FarVisor):
            raise Misuse("a visor on another host can be handed no socket: copy its bytes")

    def _made(self, id: int, sock: socket.socket, peer: PublicKey, port: int, rport: int) -> Stream:
        stream = Stream(self, sock, id=id, peer=peer, port=port, rport=rport)
        if id:
            self._streams[id] = stream
        else:
            self._local.add(stream)
        return stream

    @property
    def _asked(self) -> Connection:
        if self._connection is None:
            raise Misuse("not connected: use `async with App.connect() as app`")
        return self._connection

    # -- what streams and listeners ask

    def drain(self) -> bool:
        """Hear what the visor has told by now."""
        return self._connection is not None and self._connection.drain()

    def forget(self, stream: Stream) -> None:
        """A stream was closed here; its end is not waited for."""
        if self._streams.get(stream.id) is stream:
            del self._streams[stream.id]
        self._local.discard(stream)

    async def reset(self, stream: Stream | Handed, code: int) -> None:
        """Break a stream off."""
        await self._asked.ask(Reset(self._asked.next_id(), stream.id, code), Done)

    def give_up(self, stream: Stream) -> None:
        """Break a stream off without waiting."""
        self._asked.give_up(stream.id)

    async def hold(self, stream: Stream) -> None:
        """The visor writes nothing more to the stream's socket."""
        await self._asked.ask(Hold(self._asked.next_id(), stream.id), Done)

    async def give(self, stream: Stream, sock: socket.socket) -> Handed:
        """Put `sock`, which is closed here in any case, in the place of the stream's own."""
        handed = Handed(self, peer=stream.peer, rport=stream.rport, before=stream.counts)
        handed.id, handed.port = stream.id, stream.port

        def opened(done: Done, _: socket.socket | None) -> None:
            self._streams[handed.id] = handed

        question = Give(self._asked.next_id(), stream.id)
        await self._asked.ask(question, Done, handing=sock, opened=opened)
        return handed

    async def claim(self, listener: Listener, port: int) -> int:
        """A port for a listener. Streams may come before the answer, when it has a number already."""
        if port:
            if port in self._listeners:
                raise Misuse(f"port {port} is listened on by this app already")
            self._listeners[port] = listener
        try:
            done = await self._asked.ask(Listen(self._asked.next_id(), port), Done)
        except BaseException:
            self._listeners.pop(port, None)
            raise
        self._listeners[done.port] = listener
        return done.port

    async def release(self, listener: Listener) -> None:
        """A listener is closed."""
        self._listeners.pop(listener.port, None)
        connection = self._asked
        if not connection.why:
            await connection.ask(Unlisten(connection.next_id(), listener.port), Done)

    # -- what the visor tells

    def _incoming(self, note: Incoming, sock: socket.socket) -> None:
        stream = self._made(note.stream, sock, PublicKey(note.pk), note.port, note.rport)
        listener = self._listeners.get(note.port)
        if listener is None:
            stream.close()  # it came while the port was given back
        else:
            listener.came(stream)

    def _message(self, note: Datagram) -> None:
        listener = self._listeners.get(note.port)
        if listener is not None:
            listener.message(note)

    def _ended(self, note: Ended) -> None:
        stream = self._streams.pop(note.stream, None)
        if isinstance(stream, Handed):
            stream.over(note)
        elif stream is not None:
            stream.ended(note.code)
            self._local.add(stream)  # until it is closed here too

    def _gone(self, why: str) -> None:
        self.mail.end(f"the visor is gone: {why}")
        for listener in tuple(self._listeners.values()):
            listener.end(f"the visor is gone: {why}")
        for stream in tuple(self._streams.values()):
            if isinstance(stream, Handed):
                stream.gone(why)
            else:
                stream.ended(None if stream.is_closing() else _GONE)


_GONE: Final = 6  # `Code.CLOSED`: the way to the peer is gone


def _place(address: str | None, identity: Identity | None, environ: Mapping[str, str]) -> Path | FarVisor:
    text = address or environ.get(VARIABLE, "")
    if "@" not in text or "/" in text:
        return path_of(address, environ)
    if identity is None:
        raise Misuse(f"{text} is a visor on another host: say whose app this is, identity=Identity(...)")
    return FarVisor(parse(text), identity)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
