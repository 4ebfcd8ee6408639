"""A client of the bus without any library: ZMTP 3 by hand and JSON, with the modules of Python alone.

Joins, answers pings, and ends when it is asked to. Says what it was refused with.
"""

import json
import os
import socket
import struct
import sys
from collections.abc import Callable

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + bytes(4)
COMMAND, LONG = 4, 2


def frame(data: bytes, flags: int = 0) -> bytes:
    """One frame as it stands on the wire."""
    if len(data) > 255:
        return struct.pack(">BQ", flags | LONG, len(data)) + data
    return struct.pack(">BB", flags, len(data)) + data


def read_frame(read: Callable[[int], bytes]) -> tuple[int, bytes]:
    """Flags and content of the next frame."""
    (flags,) = read(1)
    size = struct.unpack(">Q", read(8))[0] if flags & LONG else read(1)[0]
    return flags, read(size)


def main() -> None:
    """Be on the bus until told to end."""
    wire = socket.socket(socket.AF_UNIX)
    wire.connect(os.environ["VISCRIPT_ENDPOINT"].removeprefix("ipc://"))
    stream = wire.makefile("rb")

    def send(**message: object) -> None:
        wire.sendall(frame(json.dumps(message).encode()))

    wire.sendall(GREETING)
    stream.read(len(GREETING))
    wire.sendall(frame(READY, COMMAND))
    read_frame(stream.read)  # its READY: before that, a message ends the connection
    who = {name.lower(): int(os.environ[f"VISCRIPT_{name}"]) for name in ("SEQ", "GENERATION")}
    send(t="hello", id="1", body={**who, "pid": os.getpid(), "session": os.urandom(8).hex()})
    while True:
        flags, data = read_frame(stream.read)
        if flags & COMMAND:
            continue
        message = json.loads(data)
        if message["t"] == "ping":
            send(t="pong", re=message["id"])
        elif message["t"] == "shutdown":
            send(t="closing", re=message["id"])
            send(t="bye")
            return
        elif message["t"] == "refuse":
            sys.exit(message["err"]["code"])


if __name__ == "__main__":
    main()
