"""Standard input and output, joined to one socket: copied by two threads, or given away whole.

The two descriptors may be shared with other programs, so they stay blocking; hence the threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import stat
import threading
from collections.abc import Callable
from typing import Final

IN, OUT = 0, 1
CHUNK: Final = 256 * 1024
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", 1031)


class OutputError(OSError):
    """Standard output takes no more."""


def one_socket(into: int = IN, out: int = OUT) -> socket.socket | None:
    """A copy of the connected stream socket that is input and output at once; None when they are not one."""
    ends = os.fstat(into), os.fstat(out)
    if not stat.S_ISSOCK(ends[0].st_mode) or not os.path.samestat(*ends):
        return None
    sock = socket.socket(fileno=os.dup(into))
    try:
        sock.getpeername()
        if sock.type == socket.SOCK_STREAM:
            return sock
    except OSError:  # it is not connected
        pass
    sock.close()
    return None


def let_go(*descriptors: int) -> None:
    """Hold them no more, or their end could not be told; their numbers stay in use."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)


def upwards(sock: socket.socket, into: int = IN) -> None:
    """Send all there is to read, and the end. Raises `OSError` when it is not taken."""
    _widen(into)
    while data := _read(into):
        sock.sendall(data)
    with contextlib.suppress(OSError):  # all of it has ended
        sock.shutdown(socket.SHUT_WR)


def _read(into: int) -> bytes:
    try:
        return os.read(into, CHUNK)
    except OSError:  # closed, or its terminal is gone: as good as an end
        return b""


def downwards(sock: socket.socket, out: int = OUT) -> None:
    """Write all that comes, and let go of the output at its end. Raises `OutputError` or `OSError`."""
    _widen(out)
    while data := sock.recv(CHUNK):
        _write(data, out)
    let_go(out)


def _write(data: bytes, out: int) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(out, rest) :]
    except OSError as exc:
        raise OutputError(exc.errno, exc.strerror) from exc


def beside(work: Callable[[], None]) -> asyncio.Future[OSError | None]:
    """Run it in a thread that nobody has to wait for: what went wrong there, when it is over."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[OSError | None] = loop.create_future()

    def tell(fault: OSError | None) -> None:
        if not over.done():
            over.set_result(fault)

    def run() -> None:
        fault = None
        try:
            work()
        except OSError as exc:
            fault = exc
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, fault)

    threading.Thread(target=run, daemon=True).start()
    return over


def _widen(pipe: int) -> None:
    """Let a pipe hold what is read at once; anything else stays as it is."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, CHUNK)
