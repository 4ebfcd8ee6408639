"""The apps at both ends, and the floors' processes: `python -m bench.mesh.app WORK FD...`.

source FD...        write as fast as each socket takes it
sink COUNTER FD...  read all, and keep the count of bytes in the shared page COUNTER
echo FD             send back what comes
relay FD FD         copy both ways as a messenger does
close FD FD...      half-close streams, their near and far ends in turn; the ms until the far end has it
ping FD COUNT       so many round trips of 64 bytes; their times in us as JSON on standard output
"""

from __future__ import annotations

import asyncio
import json
import mmap
import selectors
import socket
import sys
import time
from collections.abc import Callable
from struct import Struct

BLOCK = 256 * 1024
PING = bytes(64)
COUNTER = Struct("=Q")


def source(*fds: int) -> None:
    """Write until the other side is gone."""
    block, sockets = bytes(BLOCK), [socket.socket(fileno=fd) for fd in fds]
    if len(sockets) == 1:
        while True:
            sockets[0].sendall(block)
    ready = _selector(sockets, selectors.EVENT_WRITE)
    while True:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.send(block)


def sink(counter: int, *fds: int) -> None:
    """Count until all have ended."""
    page, total, into = mmap.mmap(counter, mmap.PAGESIZE), 0, bytearray(BLOCK)
    ready = _selector([socket.socket(fileno=fd) for fd in fds], selectors.EVENT_READ)
    while ready.get_map():
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            count = key.fileobj.recv_into(into)
            if not count:
                ready.unregister(key.fileobj)
            total += count
            COUNTER.pack_into(page, 0, total)


def _selector(sockets: list[socket.socket], event: int) -> selectors.BaseSelector:
    ready = selectors.DefaultSelector()
    for one in sockets:
        one.setblocking(False)
        ready.register(one, event)
    return ready


def echo(fd: int) -> None:
    """Send back until the end."""
    sock = socket.socket(fileno=fd)
    while data := sock.recv(BLOCK):
        sock.sendall(data)


def relay(one: int, two: int) -> None:
    """Until both have said all."""
    from components.mesh.session import prepare
    from components.messenger.pipe import Pipe

    async def run() -> None:
        ends = [socket.socket(fileno=fd) for fd in (one, two)]
        for end in ends:
            prepare(end)  # as a messenger's sessions are
        await Pipe(ends[0], ends[1], lambda size: True).run()

    asyncio.run(run())


def close(*fds: int) -> None:
    """What was written before the end comes before it, and the other direction stays open."""
    taken = []
    for near, far in zip(fds[::2], fds[1::2], strict=True):
        with socket.socket(fileno=near) as left, socket.socket(fileno=far) as right:
            left.sendall(PING)
            right.recv(len(PING), socket.MSG_WAITALL)
            began = time.perf_counter()
            left.shutdown(socket.SHUT_WR)
            late = right.recv(1)
            taken.append(1000 * (time.perf_counter() - began))
            right.sendall(PING)
            if late or left.recv(len(PING), socket.MSG_WAITALL) != PING:
                raise SystemExit("a half-close is not what came")
    print(json.dumps(taken), flush=True)


def ping(fd: int, count: int) -> None:
    """Time round trips; the first tenth warms up and is left out."""
    sock, taken = socket.socket(fileno=fd), []
    for _ in range(count):
        began = time.perf_counter_ns()
        sock.sendall(PING)
        got = 0
        while got < len(PING):
            part = len(sock.recv(len(PING)))
            if not part:
                raise SystemExit("the stream ended")
            got += part
        taken.append((time.perf_counter_ns() - began) / 1000)
    print(json.dumps(taken[count // 10 :]), flush=True)


WORKS: dict[str, Callable[..., None]] = {
    "source": source,
    "sink": sink,
    "echo": echo,
    "ping": ping,
    "relay": relay,
    "close": close,
}

if __name__ == "__main__":
    try:
        WORKS[sys.argv[1]](*(int(word) for word in sys.argv[2:]))
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)
