"""Connecting to what is so near that the kernel needs no time for it: no turn of the loop is waited for."""

from __future__ import annotations

import socket
from typing import Any


def at_once(sock: socket.socket, address: Any) -> bool:  # Any: as a socket's own `connect` takes it
    """Begin to connect a non-blocking socket: whether it is connected already.

    Else `loop.sock_connect` goes on with it. Raises `OSError`.
    """
    for _ in range(2):  # the second time tells how the first one went
        try:
            sock.connect(address)
        except BlockingIOError:
            continue
        return True
    return False
