"""Descriptors that apps hand over: only a connected stream socket may be one of the mesh's streams."""

import os
import socket
import stat
from typing import Final

from components.mesh.errors import reason
from components.visor.apps.errors import Refusal
from components.visor.apps.messages import Fault
from components.visor.plane.limits import APP_BUFFER

_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def taken(descriptor: int) -> socket.socket:
    """The socket behind a descriptor, which is ours from now on. Raises `Refusal`, and closes it."""
    try:
        return _checked(descriptor)
    except OSError as exc:
        raise _refused(f"not connected ({reason(exc)})") from exc


def _checked(descriptor: int) -> socket.socket:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refused("no socket")
    sock = socket.socket(fileno=descriptor)
    try:
        if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
            raise _refused("no TCP or unix stream socket")
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise _refused("a listening socket")
        sock.getpeername()
    except BaseException:
        sock.close()
        raise
    return sock


def _refused(what: str) -> Refusal:
    return Refusal(
        Fault.BAD_DESCRIPTOR, f"the descriptor you handed over is {what}; hand over a connected stream socket"
    )


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a stream's socket: the app's and the mesh's. The app's end blocks as it likes.

    The app may write ahead: with the kernel's usual 208 KiB it is woken so often that units are half full.
    """
    app, mesh = socket.socketpair()
    app.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, APP_BUFFER)
    mesh.setblocking(False)
    return app, mesh
