"""The dials of one app that are under way: each a task, each with a deadline, all cancelled with the app.

A dial's sockets belong to `Ends` until they are given away: one that is cancelled before it began leaves
none open.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from components.mesh import keys
from components.mesh.errors import MeshError
from components.visor.apps import handed
from components.visor.apps.errors import Refusal, refusal_of
from components.visor.apps.messages import Dial, Done, Failed, Fault
from components.visor.apps.node import Node
from components.visor.apps.streams import AppStreams, OpenStream
from components.visor.groups.path import Policy
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

Say = Callable[[Done | Failed, socket.socket | None], None]


class Ends:
    """The sockets of a stream being dialled: the app's, unless it gave one of its own, and the mesh's."""

    def __init__(self, handed_over: socket.socket | None, first: bytes = b"") -> None:
        """`first` is what the app has written already; it fits into any socket."""
        self._app: socket.socket | None = None
        self._mesh: socket.socket | None = handed_over
        if handed_over is None:
            self._app, self._mesh = handed.pair()
            self._app.sendall(first)

    def give_app(self) -> socket.socket | None:
        """The app's end, which is the caller's now."""
        sock, self._app = self._app, None
        return sock

    def give_mesh(self) -> socket.socket:
        """The mesh's end, which is the caller's now."""
        sock, self._mesh = self._mesh, None
        assert sock is not None
        return sock

    def close(self) -> None:
        """Close what was not given away."""
        for sock in (self._app, self._mesh):
            if sock is not None:
                sock.close()


class Dials:
    """Of one app. `say` gets each answer, with the socket that goes with it."""

    def __init__(self, node: Node, streams: AppStreams, say: Say) -> None:
        self._node = node
        self._streams = streams
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, dial: Dial, sock: socket.socket | None) -> None:
        """Start one; `sock` is ours from now on, if this returns. Raises `MeshError`."""
        most = self._node.bounds.dials
        if len(self._tasks) >= most:
            raise Refusal(Fault.TOO_MANY, f"{most} dials of yours are under way; wait for some to end")
        if dial.fd and dial.first:
            raise Refusal(Fault.BAD_DESCRIPTOR, "first bytes go with a dial only where no socket does")
        peer, policy = keys.check(dial.pk), policy_of(dial)
        ends = Ends(sock, dial.first)
        task = self._node.tasks.create_task(self._guarded(dial, peer, policy, ends))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: ends.close())

    def cancel(self) -> None:
        """Give all up."""
        for task in tuple(self._tasks):
            task.cancel()

    async def _guarded(self, dial: Dial, peer: PublicKey, policy: Policy, ends: Ends) -> None:
        try:
            if peer == self._node.mesh.key:
                self._say(self._local(dial, ends), ends.give_app())
            else:
                await self._dial(dial, peer, policy, ends)
        except MeshError as exc:
            self._say(failed(dial.id, exc), None)
        except Exception:  # a bug in one dial must not end the other apps
            log.exception("a dial failed peer=%s port=%d", peer.hex(), dial.port)
            self._say(failed(dial.id, Refusal(Fault.INTERNAL, "the visor failed; its log says more")), None)

    def _local(self, dial: Dial, ends: Ends) -> Done:
        """From app to app of this visor: they get both ends, and the visor is out of it."""
        source = self._node.ports.lend()
        self._node.ports.give_back(source)  # a number to tell streams apart; it comes again late
        if not self._node.connect(dial.port, source, ends.give_mesh()):
            raise Refusal(Fault.REFUSED, f"nobody listens on port {dial.port} of this visor, or it is busy")
        return Done(dial.id, port=source, local=True, fd=not dial.fd)

    async def _dial(self, dial: Dial, peer: PublicKey, policy: Policy, ends: Ends) -> None:
        source = self._node.ports.lend()
        stream: OpenStream | None = None
        try:
            stream = self._streams.make(peer, source, dial.port, dialled=True)
            await self._open(stream, policy, ends, link=dial.link)
        except BaseException:
            self._node.ports.give_back(source)
            if stream is not None:
                self._streams.forget(stream)
            raise
        self._say(Done(dial.id, port=source, stream=stream.number, fd=not dial.fd), ends.give_app())
        self._streams.announced(stream, asyncio.get_running_loop().time())

    async def _open(self, stream: OpenStream, policy: Policy, ends: Ends, *, link: bool) -> None:
        within_s = self._node.bounds.dial_s
        try:
            async with asyncio.timeout(within_s):
                if link:
                    await self._node.mesh.link(stream.pk)
                stream.mesh = await self._node.mesh.dial(
                    stream.pk, stream.rport, stream.port, policy, ends.give_mesh(), self._streams.over(stream)
                )
        except TimeoutError as exc:
            if isinstance(exc, MeshError):
                raise
            raise Refusal(Fault.TIMEOUT, f"no way to the peer within {within_s:g} s; try again") from exc


def policy_of(dial: Dial) -> Policy:
    """What the app wants of the route. Raises `BadKey` or `CallerError`."""
    return Policy(dial.min_hops, tuple(keys.check(hop) for hop in dial.hops), dial.group)


def failed(id: int, exc: MeshError) -> Failed:
    """What an app is told of an error."""
    refusal = refusal_of(exc)
    return Failed(id, refusal.code, refusal.text[:512])
