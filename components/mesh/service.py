"""What the services of the mesh do alike as programs: take an address, say it, stop when they are told."""

import asyncio
import signal
import socket

from components.mesh.doors import bind
from components.mesh.errors import reason


class StartError(Exception):
    """The program cannot run as it was told to."""


def bound(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises `StartError` naming the address."""
    try:
        return bind(host, port)
    except OSError as exc:
        raise StartError(f"cannot listen at {host}:{port}: {reason(exc)}") from exc


def shown(host: str, listener: socket.socket) -> str:
    """Where a socket that was bound to `host` listens, as HOST:PORT."""
    named = f"[{host}]" if ":" in host else host
    return f"{named}:{listener.getsockname()[1]}"


def stopping() -> asyncio.Event:
    """Set when the program is told to end, by SIGTERM or SIGINT; whoever else may stop it sets it too."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
