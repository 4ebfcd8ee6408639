"""The joints of the data plane as the app server's streams and offers."""

import asyncio
import socket
from dataclasses import dataclass

from components.mesh.errors import Busy, RemoteError
from components.visor.apps.dialler import Over
from components.visor.plane.joint import Joint
from components.visor.plane.socketend import SocketEnd
from components.visor.plane.streams.api import Code
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import STREAMS_MAX
from components.visor.plane.streams.tally import Tally
from signal_bus.ids import PublicKey


@dataclass(frozen=True)
class JointStream:
    """A `MeshStream`."""

    joint: Joint
    end: SocketEnd

    @property
    def sent_bytes(self) -> int:
        """Taken from the app."""
        return self.end.sent_bytes

    @property
    def received_bytes(self) -> int:
        """Given to the app."""
        return self.end.received_bytes

    @property
    def rtt_s(self) -> float | None:
        """The round trip of the route its group uses now."""
        return self.joint.group.rtt_s

    @property
    def tally(self) -> Tally | None:
        """What both ends know to have gone by."""
        return self.end.tally

    def reset(self, code: int) -> None:
        """Break it off."""
        self.joint.group.reset(self.end.id, code)

    @property
    def held(self) -> bool:
        """Whether it takes another socket now."""
        return self.end.held

    def hold(self) -> None:
        """Write nothing more to the app's socket."""
        self.end.hold()

    def give(self, sock: socket.socket) -> None:
        """Go on with another one."""
        self.end.give(sock)


@dataclass(frozen=True)
class JointOffer:
    """An `Offer`, of what `Joints.offered` is told."""

    joint: Joint
    stream: int
    port: int
    source: int

    @property
    def peer(self) -> PublicKey:
        """Who."""
        return self.joint.peer

    def accept(self, sock: socket.socket, over: Over) -> JointStream | None:
        """Take it."""
        end = self.joint.accept(self.stream, sock, over)
        return None if end is None else JointStream(self.joint, end)

    def refuse(self, code: int) -> None:
        """Say no."""
        self.joint.group.reset(self.stream, code)


async def open_stream(joint: Joint, port: int, source: int, sock: socket.socket, over: Over) -> JointStream:
    """A stream that the peer accepted; `Dialler.dial` for a joint that is there.

    Raises `RemoteError` (refused, busy, ...) or `Busy`; then, and cancelled, the socket is closed.
    """
    opened: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def ended(code: int | None) -> None:
        if not opened.done():
            opened.set_result(Code.GONE if code is None else code)
        elif not opened.cancelled():
            over(code)

    try:
        end = joint.open(port, sock, source=source, over=ended, opened=lambda: _settle(opened))
    except LimitError as exc:
        sock.close()
        raise Busy("streams to this peer", STREAMS_MAX) from exc
    try:
        code = await opened
    except BaseException:
        opened.cancel()
        joint.group.reset(end.id, Code.GONE)
        raise
    if code is not None:
        raise refused(code, port)
    return JointStream(joint, end)


def _settle(opened: "asyncio.Future[int | None]") -> None:
    if not opened.done():
        opened.set_result(None)


def refused(code: int, port: int) -> RemoteError:
    """Why the peer takes no stream, for the app."""
    if code == Code.REFUSED:
        return RemoteError("refused", f"nobody listens on port {port} of the peer")
    if code == Code.BUSY:
        return RemoteError("busy", "the peer has too many streams; try again later")
    return RemoteError("unreachable", "the way to the peer broke while the stream was opened; try again")
