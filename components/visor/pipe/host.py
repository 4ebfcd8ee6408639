"""The visor's side of the app pipe: an app's frames become streams of the mesh, and back."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from components.mesh.errors import BadKey, MeshError, WireError
from components.visor.app import App, AppError, Listener, Stream
from components.visor.pipe.frame import (
    IDS,
    PROTOCOL,
    Addr,
    Frame,
    Init,
    Loop,
    Packet,
    Type,
    of_json,
    to_json,
)
from components.visor.pipe.line import Key, Line, Outgoing
from components.visor.pipe.names import Names
from components.visor.pipe.wire import Wire

log = logging.getLogger(__name__)

FIRST_PORT: Final = 10  # of those given to connections that the app dials
LAST_PORT: Final = 65535
DIAL_S: Final = 30.0
FLUSH_S: Final = 5.0


class Host:
    """Serves one app. Its tasks are in `tasks`; `run` returns when the app's pipes are closed."""

    def __init__(
        self,
        app: App,
        tasks: asyncio.TaskGroup,
        read: int,
        write: int,
        *,
        name: str = "",
        version: str = "",
        raw: bool = False,
    ) -> None:
        """`name` and `version` are checked against what the app says, where they are given."""
        self._app = app
        self._tasks = tasks
        self._names = Names(app.key)
        self._expected = (name, version)
        self._raw = raw
        self._lines: dict[Key, Line] = {}
        self._dialling: set[int] = set()
        self.ready = asyncio.Event()  # the app said Init
        self.said = Init("", "", "")
        self.has_lost_visor = False
        self._over = asyncio.Event()
        self._confirming = asyncio.Lock()
        self._seeking: set[asyncio.Task[None]] = set()  # dials, and connections on their way to the app
        self._carrying: set[asyncio.Task[None]] = set()
        self._wire = Wire(read, write, self._take, lambda _: self._over.set())
        self._orders: dict[int, Callable[[Frame], None]] = {
            Type.INIT: self._init,
            Type.CREATE_LOOP: self._create,
            Type.SEND: self._send,
            Type.CLOSE: self._close,
        }

    async def run(self, listener: Listener | None = None) -> str:
        """Serve until the app closes its pipes: why it ended. Streams come from `listener`."""
        if listener is not None:
            self._begin(self._accept(listener))
        try:
            await self._over.wait()
        finally:
            self._wire.end("the host ends")
            for task in tuple(self._seeking):
                task.cancel()
            for line in tuple(self._lines.values()):
                line.close()
        if self._carrying:  # what the app has sent goes out
            await asyncio.wait(tuple(self._carrying), timeout=FLUSH_S)
        for task in tuple(self._carrying):
            task.cancel()
        return self._wire.why

    def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who the app is, and its connections."""
        lines = [{"peer": key.pk, "port": key.port, "remote_port": key.rport} for key in self._lines]
        return {"name": self.said.name, "version": self.said.version, "connections": lines}

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(work)
        self._seeking.add(task)
        task.add_done_callback(self._seeking.discard)

    # -- what the app asks

    def _take(self, frame: Frame) -> None:
        order = self._orders.get(frame.type)
        try:
            if order is None:
                raise WireError(f"no such request: {frame.type:#04x}")
            if frame.type != Type.INIT and not self.ready.is_set():
                raise WireError("Init comes first")
            order(frame)
        except (MeshError, AppError) as exc:
            log.warning("refused a request of the app: %s", exc)
            self._wire.fail(frame.id, str(exc))

    def _init(self, frame: Frame) -> None:
        said = of_json(frame.body, Init)
        if said.protocol != PROTOCOL:
            raise WireError(f"protocol {said.protocol} is not spoken here, but {PROTOCOL}")
        for word, expected in zip((said.name, said.version), self._expected, strict=True):
            if expected and word != expected:
                raise WireError(f"{word!r} was started as {expected!r}")
        self.said = said
        self.ready.set()
        self._wire.succeed(frame.id)
        log.info("the app is ready name=%s version=%s", said.name, said.version)

    def _create(self, frame: Frame) -> None:
        remote = of_json(frame.body, Addr)
        key = self._names.key(remote.pk)
        if not remote.port:
            raise WireError("port 0 cannot be dialled")
        if len(self._dialling) > IDS:
            raise WireError(f"more than {IDS + 1} connections wait for their answers")
        taken = {line.port for line in self._lines} | self._dialling
        port = next(number for number in range(FIRST_PORT, LAST_PORT) if number not in taken)
        self._dialling.add(port)
        self._begin(self._dial(frame.id, key, Key(port, remote.pk.lower(), remote.port)))

    async def _dial(self, id: int, peer: bytes, key: Key) -> None:
        try:
            stream = await self._app.dial(peer, key.rport, deadline_s=DIAL_S)
        except AppError as exc:
            self._wire.fail(id, str(exc))
            return
        finally:
            self._dialling.discard(key.port)
        line = Line(self._wire, stream, key, raw=self._raw)
        self._lines[key] = line
        self._wire.succeed(id, to_json(Addr(self._names.own, key.port)))
        self._carry(line)

    def _send(self, frame: Frame) -> None:
        packet = of_json(frame.body, Packet)
        self._line(packet.loop).send(Outgoing(frame.id, packet.payload))

    def _close(self, frame: Frame) -> None:
        """Answered at once: the app holds a lock meanwhile."""
        self._line(of_json(frame.body, Loop)).close()
        self._wire.succeed(frame.id)

    def _line(self, loop: Loop) -> Line:
        line = self._lines.get(Key(loop.local.port, loop.remote.pk.lower(), loop.remote.port))
        if line is None:
            raise BadKey("there is no such connection")
        return line

    # -- what peers ask

    async def _accept(self, listener: Listener) -> None:
        await self.ready.wait()
        try:
            async for stream in listener:
                self._begin(self._incoming(stream))
        except AppError as exc:
            self._lost(exc)

    async def watch(self, listener: Listener) -> None:
        """For an app that takes no connections: this listener tells of the visor's end."""
        try:
            async for stream in listener:
                stream.close()
        except AppError as exc:
            self._lost(exc)

    def _lost(self, exc: AppError) -> None:
        """An app knows one visor in its life: it ends, and is started anew with the next."""
        self.has_lost_visor = True
        self._wire.end(f"the visor is gone: {exc}")

    async def _incoming(self, stream: Stream) -> None:
        key = Key(stream.port, self._names.text(stream.peer), stream.rport)

        async def confirm() -> None:
            await self._confirm(key)

        line = Line(self._wire, stream, key, raw=self._raw, confirm=confirm)
        self._lines[key] = line
        try:
            await confirm()
        except MeshError as exc:
            log.info("the app took no connection: %s", exc)
            del self._lines[key]
            stream.close()
            return
        self._carry(line)

    async def _confirm(self, key: Key) -> None:
        """One at a time: the app drops what comes while it still hands over another."""
        body = to_json((Addr(self._names.own, key.port), Addr(key.pk, key.rport)))
        async with self._confirming:
            await self._wire.ask(Type.CONFIRM_LOOP, body)

    def _carry(self, line: Line) -> None:
        task = self._tasks.create_task(self._guarded(line))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _guarded(self, line: Line) -> None:
        try:
            await line.run()
        except Exception:  # a fault in one connection must not end the others
            log.exception("a connection failed peer=%s", line.key.pk)
        finally:
            if self._lines.get(line.key) is line:
                del self._lines[line.key]
