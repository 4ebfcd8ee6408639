"""A page by SOCKS5, for a machine without curl."""

import socket
from typing import Final

from viscript.prove.verdict import BrokenPromise

DEADLINE_S: Final = 20.0
_NO_LOGIN: Final = b"\x05\x01\x00"
_MOST: Final = 1 << 20


def page(proxy: tuple[str, int], target: tuple[str, int]) -> str:
    """The body that the web server at `target` answers. Raises `BrokenPromise`."""
    try:
        with socket.create_connection(proxy, DEADLINE_S) as door:
            _connect(door, target)
            door.sendall(b"GET / HTTP/1.0\r\n\r\n")
            whole = b""
            while (chunk := door.recv(1 << 16)) and len(whole) < _MOST:
                whole += chunk
    except OSError as exc:
        raise BrokenPromise(f"the proxy at {proxy[0]}:{proxy[1]}: {exc}") from exc
    head, _, body = whole.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise BrokenPromise(f"the web server behind the mesh answers {head[:60]!r}")
    return body.decode(errors="replace").strip()


def _connect(door: socket.socket, target: tuple[str, int]) -> None:
    host, port = target
    door.sendall(_NO_LOGIN)
    if _exactly(door, 2) != b"\x05\x00":
        raise BrokenPromise("the proxy wants a login")
    door.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(host) + port.to_bytes(2, "big"))
    answer = _exactly(door, 10)
    if answer[1]:
        raise BrokenPromise(f"the proxy answers {answer[1]}")


def _exactly(door: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = door.recv(count - len(data))
        if not chunk:
            raise BrokenPromise("the proxy hung up")
        data += chunk
    return data
