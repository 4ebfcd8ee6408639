"""The web server behind every proxy, as a process: `python -m bench.apps.web PORT`. GET /N has N bytes.

It serves one connection after the other, so that nothing of it but the kernel is in a figure.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import Final

BLOCK: Final = memoryview(bytes(1 << 20))


def serve(port: int) -> None:
    """For ever."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        print("ready", flush=True)
        while True:
            sock, _ = server.accept()
            with sock, suppress(OSError):
                answer(sock)


def answer(sock: socket.socket) -> None:
    """Answer one request. Raises `OSError`."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        more = sock.recv(4096)
        if not more:
            return
        request += more
    count = int(request.split(b" ", 2)[1].strip(b"/"))
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % count
    if count <= 4096:
        sock.sendall(head + BLOCK[:count])
        return
    sock.sendall(head)
    while count:
        count -= sock.send(BLOCK[:count])


if __name__ == "__main__":
    serve(int(sys.argv[1]))
