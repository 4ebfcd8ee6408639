"""For tests of programs on the bus: a clock set by hand, a delegate that remembers, a server and raw peers.

async with serving(folder) as (server, delegate):
    async with SignalClient(settings_for(folder, seq=7)) as bus:
        await delegate.told("registered")
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import zmq

from signal_bus.codec import Form, Packet, decode, encode
from signal_bus.delegate import Admission, BaseDelegate, Peer, Refusal, TcpDoor
from signal_bus.environment import Settings
from signal_bus.identity import CurvePair, Identity
from signal_bus.ids import CurveKey, Generation, SeqId, Session
from signal_bus.kinds import SERVER_KINDS
from signal_bus.messages import Body, Closing, Hello, Service, VerbReply, VerbRequest
from signal_bus.reactor import Channel, Sent, Socket
from signal_bus.server import SignalServer

DEADLINE_S = 10.0  # for whatever a test waits for; a busy machine is slow


class ManualClock:
    """Time that passes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time now."""
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


async def until(probe: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> None:
    """Return once `probe()` is true. Raises `AssertionError` when it does not become so in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not probe():
        assert loop.time() < end, f"not within {deadline_s:g} s"
        await asyncio.sleep(0.005)


class RecordingDelegate(BaseDelegate):
    """Remembers what it was told, as (name, arguments). `admission` may be replaced by a test."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []  # Any: each call has its own arguments
        self.peers: list[Peer] = []
        self.admission: Callable[[Hello, Peer], Admission | Refusal] | None = None

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of that name."""
        return [arguments for called, arguments in self.calls if called == name]

    async def told(self, name: str, times: int = 1) -> tuple[Any, ...]:
        """The arguments of the last such call, once it came so many times."""
        await until(lambda: len(self.named(name)) >= times)
        return self.named(name)[-1]

    def admit(self, hello: Hello, peer: Peer) -> Admission | Refusal:
        """As the test says, else under the id it claims."""
        self.peers.append(peer)
        return self.admission(hello, peer) if self.admission else super().admit(hello, peer)

    def registered(self, seq: SeqId, generation: Generation, hello: Hello) -> None:
        """Remembered."""
        self.calls.append(("registered", (seq, generation, hello)))

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        """Remembered."""
        self.calls.append(("ready", (seq, generation, endpoints)))

    def state(self, seq: SeqId, generation: Generation, word: str, reason: str) -> None:
        """Remembered."""
        self.calls.append(("state", (seq, generation, word, reason)))

    def health(self, seq: SeqId, generation: Generation, word: str) -> None:
        """Remembered."""
        self.calls.append(("health", (seq, generation, word)))

    def closing(self, seq: SeqId, generation: Generation, closing: Closing) -> None:
        """Remembered."""
        self.calls.append(("closing", (seq, generation, closing)))

    def bye(self, seq: SeqId, generation: Generation, reason: str) -> None:
        """Remembered."""
        self.calls.append(("bye", (seq, generation, reason)))

    def lost(self, seq: SeqId, generation: Generation) -> None:
        """Remembered."""
        self.calls.append(("lost", (seq, generation)))

    def usage(self, seq: SeqId, generation: Generation, figures: dict[str, float]) -> None:
        """Remembered."""
        self.calls.append(("usage", (seq, generation, figures)))

    def event(self, seq: SeqId, generation: Generation, topic: str, data: dict[str, Any]) -> None:
        """Remembered."""
        self.calls.append(("event", (seq, generation, topic, data)))

    def services_changed(self, added: tuple[Service, ...], removed: tuple[Service, ...]) -> None:
        """Remembered."""
        self.calls.append(("services_changed", (added, removed)))

    def refused(self, code: str, text: str) -> None:
        """Remembered."""
        self.calls.append(("refused", (code, text)))

    async def verb(self, request: VerbRequest) -> VerbReply:
        """Answers with the words it was given."""
        self.calls.append(("verb", (request,)))
        return VerbReply(out=" ".join(request.argv))


def apps_endpoint(folder: Path) -> str:
    """Where `serving` has the apps' door."""
    return f"ipc://{folder}/apps.ipc"


def operators_endpoint(folder: Path) -> str:
    """Where `serving` has the operators' door."""
    return f"ipc://{folder}/bus.ipc"


def events_endpoint(folder: Path) -> str:
    """Where `serving` publishes events."""
    return f"ipc://{folder}/events.ipc"


def settings_for(folder: Path, *, seq: int = 7, generation: int = 1) -> Settings:
    """What a client of `serving` needs to know."""
    return Settings(endpoint=apps_endpoint(folder), seq=SeqId(seq), generation=Generation(generation))


@asynccontextmanager
async def serving(
    folder: Path,
    delegate: RecordingDelegate | None = None,
    *,
    tcp: TcpDoor | None = None,
    identity: Identity | None = None,
) -> AsyncIterator[tuple[SignalServer, RecordingDelegate]]:
    """A server with every door in `folder`, and its delegate."""
    told = delegate or RecordingDelegate()
    server = SignalServer(
        home_id="test",
        apps_endpoint=apps_endpoint(folder),
        operator_endpoint=operators_endpoint(folder),
        events_endpoint=events_endpoint(folder),
        tcp=tcp,
        identity=identity,
        delegate=told,
    )
    async with server:
        yield server, told


class RawPeer:
    """A DEALER that sends any bytes and understands the server's answers; for tests of bad manners."""

    def __init__(
        self,
        endpoint: str,
        *,
        name: bytes = b"",
        curve: CurvePair | None = None,
        server_key: CurveKey | None = None,
    ) -> None:
        self.received: list[Packet] = []
        self._context: zmq.Context[Socket] = zmq.Context()
        socket = self._context.socket(zmq.DEALER)
        if name:
            socket.setsockopt(zmq.IDENTITY, name)
        if curve is not None:
            socket.curve_serverkey = server_key or b""
            socket.curve_publickey, socket.curve_secretkey = curve.public, curve.secret
        self._channel = Channel(socket, self._take)
        socket.connect(endpoint)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._channel.close()
        self._context.term()

    def _take(self, socket: Socket) -> None:
        self.received.append(decode(socket.recv(zmq.NOBLOCK), SERVER_KINDS))

    def send(self, *frames: bytes) -> Sent:
        """Send any frames."""
        return self._channel.send(frames)

    async def receive(self) -> Packet:
        """The next message of the server."""
        await until(lambda: self.received)
        return self.received.pop(0)

    async def ask(
        self, body: Body, *, request: str = "1", form: Form = Form.MSGPACK, src: str = ""
    ) -> Packet:
        """Send one message and give the next answer."""
        self.send(encode(body, form, request=request, src=src))
        return await self.receive()

    async def join(self, seq: int = 7, generation: int = 1, *, session: str = "raw-session") -> Packet:
        """Say hello."""
        hello = Hello(seq=SeqId(seq), generation=Generation(generation), session=Session(session))
        return await self.ask(hello)
