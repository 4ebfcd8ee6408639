"""What a program does at a SOCKS port: a download, a small request, an end of one direction."""

from __future__ import annotations

import socket
import time
from typing import Final, NoReturn

DEADLINE_S: Final = 60.0


def connected(proxy: int, target: int) -> socket.socket:
    """Through the SOCKS port to a port of this host; no proxy when that is 0. Raises `OSError`."""
    sock = socket.create_connection(("127.0.0.1", proxy or target), timeout=DEADLINE_S)
    if proxy:
        try:
            _ask(sock, target)
        except OSError:
            sock.close()
            raise
    return sock


def _ask(sock: socket.socket, target: int) -> None:
    sock.sendall(b"\x05\x01\x00")
    if _exactly(sock, 2) != b"\x05\x00":
        raise OSError("it wants a password")
    sock.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + target.to_bytes(2, "big"))
    if _exactly(sock, 10)[1]:
        raise OSError("it refuses")


def get(proxy: int, target: int, count: int) -> float:
    """Seconds from the connection to the last byte of `GET /count`. Raises `OSError`."""
    into = memoryview(bytearray(1 << 18))
    began = time.perf_counter()
    with connected(proxy, target) as sock:
        sock.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % count)
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096) or _ended()
        came = len(head) - head.index(b"\r\n\r\n") - 4
        while came < count:
            came += sock.recv_into(into) or _ended()
    return time.perf_counter() - began


def half_close(proxy: int) -> float:
    """Seconds from the end of one direction until the far end has it, while the other one stays open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE_S)
        with connected(proxy, server.getsockname()[1]) as near:
            far, _ = server.accept()
            with far:
                far.settimeout(DEADLINE_S)
                near.sendall(b"last")
                _exactly(far, 4)
                began = time.perf_counter()
                near.shutdown(socket.SHUT_WR)
                if far.recv(1):
                    raise OSError("it made up a byte")
                taken = time.perf_counter() - began
                far.sendall(b"still open")
                _exactly(near, 10)
    return taken


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += sock.recv(count - len(data)) or _ended()
    return data


def _ended() -> NoReturn:
    raise OSError("it ended too early")
