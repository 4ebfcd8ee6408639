"""The mark on the mesh's own packets: by it a tunnel of this host leaves them outside.

Every TCP socket that the mesh listens at or connects with carries it where the process may set one; what is
accepted at a listener has the listener's. Without the right to, all goes on unmarked.
"""

from __future__ import annotations

import socket
from typing import Any, Final

MARK: Final = 0x76697363
_OPTION: Final[int | None] = getattr(socket, "SO_MARK", None)  # Linux has it


def mark(sock: socket.socket) -> bool:
    """Mark it; whether that was possible."""
    if _OPTION is None:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _OPTION, MARK)
    except OSError:
        return False
    return True


def own_mark() -> int:
    """The mark that this process can set, or 0."""
    with socket.socket() as probe:
        return MARK if mark(probe) else 0


def marked_socket(
    info: tuple[Any, ...],  # Any: the address at its end has several forms
) -> socket.socket:
    """A new socket for one answer of `getaddrinfo`, marked."""
    sock = socket.socket(*info[:3])
    mark(sock)
    return sock
