"""A place that answers nobody: a listener whose queue is full, so that the kernel drops who comes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

FILL = 4  # one fits; the others keep the queue full should a kernel count otherwise


@contextmanager
def silent() -> Iterator[tuple[str, int]]:
    """Its address, as long as the block lasts."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        where: tuple[str, int] = server.getsockname()
        for _ in range(FILL):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(where)
        yield where
