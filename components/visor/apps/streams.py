"""The open streams of one app: numbered, bounded, each told of once when it is over."""

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from components.visor.apps.dialler import MeshStream, Over
from components.visor.apps.errors import Refusal
from components.visor.apps.messages import NUMBER_MAX, Ended, Fault, StreamFacts
from signal_bus.ids import PublicKey


@dataclass
class OpenStream:
    """What is known of one."""

    number: int
    pk: PublicKey
    port: int  # of ours
    rport: int
    dialled: bool
    mesh: MeshStream | None = None  # None until the mesh gave it
    announced: bool = False  # the app knows of it
    over: bool = False  # before the app knew of it
    code: int | None = None
    opened_at: float = 0.0  # when it was announced

    def facts(self, now: float) -> StreamFacts:
        """For `describe`."""
        rtt_s = None if self.mesh is None else self.mesh.rtt_s
        return StreamFacts(
            *(self.number, self.pk, self.port, self.rport, self.dialled, *self.counts()),
            age_ms=_number((now - self.opened_at) * 1e3) if self.announced else 0,
            rtt_us=None if rtt_s is None else _number(rtt_s * 1e6),
        )

    def counts(self) -> tuple[int, int]:
        """Bytes taken from the app, and given to it."""
        return (0, 0) if self.mesh is None else (self.mesh.sent_bytes, self.mesh.received_bytes)


class AppStreams:
    """Of one app. `ended` is called with what the app is to be told."""

    def __init__(
        self,
        most: int,
        ended: Callable[[OpenStream, Ended], None],
        opened: Callable[[OpenStream], None] = lambda stream: None,
    ) -> None:
        """`opened` hears of each stream once, when both sides have it."""
        self._most = most
        self._ended = ended
        self._opened = opened
        self._numbers = itertools.count(1)
        self._open: dict[int, OpenStream] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[OpenStream]:
        return iter(self._open.values())

    @property
    def full(self) -> bool:
        """Whether the app has as many as it may."""
        return len(self._open) >= self._most

    def make(self, pk: PublicKey, port: int, rport: int, *, dialled: bool) -> OpenStream:
        """A place for a stream that is about to open. Raises `Refusal`."""
        if self.full:
            raise Refusal(Fault.TOO_MANY, f"{self._most} streams of yours are open; close some first")
        stream = OpenStream(next(self._numbers), pk, port, rport, dialled)
        self._open[stream.number] = stream
        return stream

    def forget(self, stream: OpenStream) -> None:
        """It came to nothing: nobody is told."""
        self._open.pop(stream.number, None)

    def announced(self, stream: OpenStream, now: float) -> None:
        """The app was told of it, and may be told of its end."""
        stream.announced, stream.opened_at = True, now
        self._opened(stream)
        if stream.over:
            self._end(stream)

    def over(self, stream: OpenStream) -> Over:
        """What the mesh calls when this stream is over."""

        def told(code: int | None) -> None:
            stream.over, stream.code = True, code
            if stream.announced:
                self._end(stream)

        return told

    def _end(self, stream: OpenStream) -> None:
        if self._open.pop(stream.number, None) is not None:
            self._ended(stream, Ended(stream.number, stream.code, *stream.counts()))

    def reset(self, number: int, code: int) -> None:
        """Break one off. Raises `Refusal` for one that is not there."""
        self._mesh(number).reset(code)

    def hold(self, number: int) -> None:
        """Write nothing more to the app's socket of one. Raises `Refusal`."""
        self._mesh(number).hold()

    def give(self, number: int, sock: socket.socket) -> None:
        """Put another socket in its place; it is ours if this returns. Raises `Refusal`."""
        mesh = self._mesh(number)
        if not mesh.held:
            raise Refusal(
                Fault.NOT_HELD, f"stream {number} has its other socket, or bytes to be read: hold it first"
            )
        mesh.give(sock)

    def _mesh(self, number: int) -> MeshStream:
        stream = self._open.get(number)
        if stream is None or stream.mesh is None:
            raise Refusal(Fault.NO_STREAM, f"you have no stream {number}; it may be over already")
        return stream.mesh

    def reset_all(self, code: int) -> None:
        """Break all off: a descriptor that the app handed over outlives the app."""
        for stream in tuple(self._open.values()):
            if stream.mesh is not None:
                stream.mesh.reset(code)


def _number(value: float) -> int:
    """As it fits into a message."""
    return max(0, min(int(value), NUMBER_MAX))
