"""What a socket tells of its other end without being read."""

import select
import socket


def hung_up(sock: socket.socket) -> bool:
    """Whether the other end is closed, not only ended."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poller.poll(0))
