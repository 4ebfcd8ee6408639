"""The keeper's end of the daemon's link, in the hands of a test: real unix sockets, no process behind."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from viscript.keeper.protocol import Lines

Json = dict[str, Any]


class Connection:
    """One daemon that connected."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.requests: list[Json] = []
        self.fds: list[int] = []
        self.closed = False
        self._lines = Lines()

    def say(self, *messages: Json | bytes, fds: tuple[int, ...] = ()) -> None:
        """Send messages in one write; bytes as they are."""
        data = b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages)
        socket.send_fds(self.socket, [data], list(fds))

    def read(self) -> list[Json]:
        """The requests that arrived now."""
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, 1 << 20, 16)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            data, fds = b"", []
        self.fds += fds
        if not data:
            self.closed = True
            return []
        found = self._lines.feed(data)
        self.requests += found
        return found

    def close(self) -> None:
        """Die as a killed keeper does."""
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []


class KeeperEnd:
    """`find` gives the link its sockets. Every request goes to `handle`; its answers are sent at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.connections: list[Connection] = []
        self.faults: list[Exception] = []  # what `find` raises, one each time, before it finds somebody
        self.hello: Json = {"keeper_pid": 0, "version": "1.2", "cursor": 0, "gap": False, "instances": []}
        self.after_hello: tuple[Json, ...] = ()
        self.handle: Callable[[Connection, Json], None] = self.accept

    def find(self) -> socket.socket:
        """Called by the link in a thread of its own."""
        if self.faults:
            raise self.faults.pop(0)
        ours, theirs = socket.socketpair()
        self._loop.call_soon_threadsafe(self._adopt, Connection(ours))
        return theirs

    @property
    def last(self) -> Connection:
        """The newest connection."""
        return self.connections[-1]

    def accept(self, connection: Connection, request: Json) -> None:
        """Say hello, and yes to everything else."""
        if request["op"] == "hello":
            connection.say({"re": request["id"], "ok": self.hello}, *self.after_hello)
        else:
            connection.say({"re": request["id"], "ok": {"op": request["op"]}})

    def _adopt(self, connection: Connection) -> None:
        self.connections.append(connection)
        self._loop.add_reader(connection.socket, self._readable, connection)

    def _readable(self, connection: Connection) -> None:
        for request in connection.read():
            if connection.socket.fileno() >= 0:
                self.handle(connection, request)
        if connection.closed:
            self._loop.remove_reader(connection.socket)

    def kill(self) -> None:
        """The keeper dies."""
        self._loop.remove_reader(self.last.socket)
        self.last.close()

    def close(self) -> None:
        """Give every socket back."""
        for connection in self.connections:
            if connection.socket.fileno() >= 0:
                self._loop.remove_reader(connection.socket)
            connection.close()
