"""The keeper's door: connections, lines, descriptors, and who is obeyed.

Requests wait in one queue and are carried out in slices, so that a thousand launches at once hold up neither
an exit nor the draining. Only the connection with the newest epoch gives orders and hears events.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from viscript.keeper.loop import Loop
from viscript.keeper.protocol import (
    MOST_FDS,
    Json,
    Lines,
    ProtocolError,
    Refusal,
    answer,
    encode,
    refusal,
)

SLICE_S: Final = 0.01
DOOR_S: Final = 2.0  # how often the door is looked for where it should be
_BLOCK: Final = 1 << 18
_LARGEST_BACKLOG: Final = 64 * 1024 * 1024
_MOST_WAITING: Final = 100_000


class Reply(NamedTuple):
    """What an operation answers, the descriptors that go with it, and the messages behind it."""

    result: Json
    fds: tuple[int, ...] = ()
    then: tuple[Json, ...] = ()
    took: bool = False  # whether the request's descriptors are the operation's now


class Connection:
    """One client: what it sent, and what waits to be sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.epoch: int | None = None
        self.lines = Lines()
        self.fds: deque[int] = deque()
        self.said: list[tuple[Json, tuple[int, ...]]] = []  # and not put into form yet
        self.out: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self.out_bytes = 0
        self.blocked = False

    def put(self, message: Json, fds: tuple[int, ...] = ()) -> None:
        """Queue one line; `fds` are closed once they are sent. A successor does not wait for its forming."""
        self.said.append((message, fds))

    def form(self) -> None:
        """Put what was said into lines."""
        for message, fds in self.said:
            line = encode(message)
            self.out.append((line, fds))
            self.out_bytes += len(line)
        self.said.clear()

    def take_fds(self, count: object) -> tuple[int, ...]:
        """The descriptors that belong to the line at hand."""
        if not isinstance(count, int) or isinstance(count, bool):
            return ()
        return tuple(self.fds.popleft() for _ in range(min(count, len(self.fds))))


Operation = Callable[[Connection, Json, tuple[int, ...]], Reply]


class Server:
    """Accepts, reads, queues, answers."""

    def __init__(self, path: str, loop: Loop, fault: Callable[[BaseException], None]) -> None:
        self._path = path
        self._loop = loop
        self._fault = fault
        self._operations: dict[str, Operation] = {}
        self._connections: set[Connection] = set()
        self._waiting: deque[tuple[Connection, Json, tuple[int, ...]]] = deque()
        self._holder: Connection | None = None
        self._open_to_all: frozenset[str] = frozenset()
        self._listener = _listen(path)
        self._door = _identity(path)
        loop.read(self._listener.fileno(), self._accept)
        loop.after(DOOR_S, self._look_after_door)

    def offer(self, operations: dict[str, Operation], open_to_all: frozenset[str]) -> None:
        """What can be asked; `open_to_all` also without a hello."""
        self._operations = operations
        self._open_to_all = open_to_all

    def obey(self, connection: Connection, epoch: int) -> None:
        """Only this connection gives orders from now on."""
        connection.epoch = epoch
        self._holder = connection

    def tell(self, event: Json) -> None:
        """Send an event to the daemon, if one is there."""
        if self._holder is not None:
            self._holder.put(event)

    def serve(self) -> bool:
        """Carry out what waits, for one slice; true when more waits."""
        until = time.monotonic() + SLICE_S
        while self._waiting and time.monotonic() < until:
            connection, request, fds = self._waiting.popleft()
            if connection in self._connections:
                self._carry_out(connection, request, fds)
            else:
                _close_all(fds)
        return bool(self._waiting)

    def flush(self) -> bool:
        """Send what can be sent at once; what cannot, the loop sends later."""
        for connection in tuple(self._connections):
            connection.form()
            if connection.out and not connection.blocked:
                self._flush(connection)
            elif connection.out_bytes > _LARGEST_BACKLOG:
                self._drop(connection)
        return False

    def close(self) -> None:
        """Hang up on everybody and take the socket's name away."""
        for connection in tuple(self._connections):
            self._drop(connection)
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return

    def _look_after_door(self) -> None:
        """A clean-up may take the socket's name, or its whole folder: then open another in its place."""
        self._loop.after(DOOR_S, self._look_after_door)
        if _identity(self._path) == self._door:
            return
        try:
            os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
            listener = _listen(self._path)
        except OSError:
            return  # the place may come back
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._listener, self._door = listener, _identity(self._path)
        self._loop.read(listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        connection = Connection(sock)
        self._connections.add(connection)
        self._loop.read(sock.fileno(), lambda: self._receive(connection))

    def _receive(self, connection: Connection) -> None:
        if connection.out:
            self._flush(connection)
        if connection not in self._connections or len(self._waiting) > _MOST_WAITING:
            return
        try:
            data, fds, _, _ = socket.recv_fds(connection.socket, _BLOCK, MOST_FDS, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        for fd in fds:
            os.set_inheritable(fd, False)
        connection.fds.extend(fds)
        if not data:
            self._drop(connection)
            return
        try:
            for message in connection.lines.feed(data):
                self._waiting.append((connection, message, connection.take_fds(message.get("fds"))))
        except ProtocolError as exc:
            connection.put(refusal(None, "protocol", str(exc)))
            self._flush(connection)
            self._drop(connection)

    def _carry_out(self, connection: Connection, request: Json, fds: tuple[int, ...]) -> None:
        number = request.get("id")
        try:
            reply = self._operation(connection, request)(connection, request, fds)
        except Refusal as exc:
            connection.put(refusal(number, exc.code, exc.text))
            _close_all(fds)
        except Exception as exc:  # noqa: BLE001 (one bad request must not end the parent of all)
            self._fault(exc)
            connection.put(refusal(number, "internal", f"{type(exc).__name__}: {exc}"))
            _close_all(fds)
        else:
            connection.put({**answer(number, reply.result), **_fd_count(reply.fds)}, reply.fds)
            for message in reply.then:
                connection.put(message)
            if not reply.took:
                _close_all(fds)

    def _operation(self, connection: Connection, request: Json) -> Operation:
        name = request.get("op")
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            raise Refusal("unknown-op", f"this keeper has no operation {name!r}")
        if name not in self._open_to_all and connection is not self._holder:
            if connection.epoch is None:
                raise Refusal("hello-first", "say hello before giving orders")
            raise Refusal("stale-epoch", "a newer daemon gives the orders now")
        return operation

    def _flush(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        connection.form()
        try:
            while connection.out:
                self._send_some(connection)
        except BlockingIOError:
            pass  # the rest goes when the loop says so
        except OSError:
            self._drop(connection)
            return
        if connection.out_bytes > _LARGEST_BACKLOG:
            self._drop(connection)
            return
        blocked = bool(connection.out)
        if blocked != connection.blocked:
            connection.blocked = blocked
            change = self._loop.read_write if blocked else self._loop.read_only
            change(connection.socket.fileno(), lambda: self._receive(connection))

    def _send_some(self, connection: Connection) -> None:
        line, fds = connection.out[0]
        if fds:
            sent = socket.send_fds(connection.socket, [line], list(fds), socket.MSG_DONTWAIT)
            _close_all(fds)
        else:
            line = _joined(connection.out)
            sent = connection.socket.send(line, socket.MSG_DONTWAIT)
        connection.out[0] = (line, ())
        connection.out_bytes -= sent
        if sent == len(line):
            connection.out.popleft()
        else:
            connection.out[0] = (line[sent:], ())

    def _drop(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        if self._holder is connection:
            self._holder = None
        self._loop.forget(connection.socket.fileno())
        connection.socket.close()
        _close_all(tuple(connection.fds))
        for _, fds in (*connection.said, *connection.out):
            _close_all(fds)


def _joined(out: deque[tuple[bytes, tuple[int, ...]]]) -> bytes:
    """Make one piece of the lines at the head that carry no descriptors; many events, one send."""
    pieces: list[bytes] = []
    size = 0
    while out and not out[0][1] and size < _BLOCK:
        piece = out.popleft()[0]
        pieces.append(piece)
        size += len(piece)
    line = b"".join(pieces)
    out.appendleft((line, ()))
    return line


def _fd_count(fds: tuple[int, ...]) -> dict[str, Any]:  # a piece of a JSON object
    return {"fds": len(fds)} if fds else {}


def _close_all(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)


def _identity(path: str) -> tuple[int, int] | None:
    """What tells one file from another of the same name; None for none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _listen(path: str) -> socket.socket:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass  # the usual case
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(16)
    listener.setblocking(False)
    return listener
