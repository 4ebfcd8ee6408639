"""A pipe app at each end: `python -m bench.mesh.pipe_app WORK ...`, started by the pipe host.

source KEY PORT   send 32 KiB at a time, each when the last is answered, as the apps of 2019 do
sink FILE         take all, and keep the count of bytes in FILE
"""

from __future__ import annotations

import base64
import json
import mmap
import sys
from pathlib import Path
from typing import Final

from bench.mesh.app import COUNTER

SEND_BYTES: Final = 32 * 1024
ZERO: Final = "0" * 66
INIT, CREATE, CONFIRM, SEND = 0, 1, 2, 3
SUCCESS: Final = 0xFF


class Pipes:
    """Frames both ways over descriptors 3 and 4."""

    def __init__(self) -> None:
        self._in = open(3, "rb", buffering=1 << 20)  # noqa: SIM115 (as long as the process)
        self._out = open(4, "wb", buffering=0)  # noqa: SIM115

    def send(self, type: int, body: bytes) -> None:
        """One frame; its id is always 0: nothing else is under way."""
        self.answer(type, 0, body)

    def answer(self, type: int, id: int, body: bytes = b"null") -> None:
        """One frame with an id."""
        self._out.write((2 + len(body)).to_bytes(2, "big") + bytes((type, id)) + body)

    def next(self) -> tuple[int, int, bytes]:
        """Type, id and body of the next frame; the process ends with the pipe."""
        head = self._in.read(4)
        if len(head) < 4:
            raise SystemExit
        return head[2], head[3], self._in.read(int.from_bytes(head[:2], "big") - 2)

    def ask(self, type: int, body: object) -> object:
        """The answer to a request; raises `RuntimeError` with the host's words."""
        return self.asked(type, json.dumps(body).encode())

    def asked(self, type: int, body: bytes) -> object:
        """The same for a body that is JSON already."""
        self.send(type, body)
        kind, _, answer = self.next()
        if kind != SUCCESS:
            raise RuntimeError(answer.decode())
        return json.loads(answer)

    def join(self, name: str) -> None:
        """Say who we are."""
        self.ask(INIT, {"app-name": name, "app-version": "1.0", "protocol-version": "0.0.1"})


def source(key: str, port: str) -> None:
    """Send until the pipe is gone."""
    pipes, remote = Pipes(), {"pk": key, "port": int(port)}
    pipes.join("source")
    local = pipes.ask(CREATE, remote)
    assert isinstance(local, dict)
    loop = {"Local": {"pk": ZERO, "port": local["port"]}, "Remote": remote}
    packet = {"loop": loop, "payload": base64.b64encode(bytes(SEND_BYTES)).decode()}
    body = json.dumps(packet).encode()
    while True:
        pipes.asked(SEND, body)


def sink(path: str) -> None:
    """Count, and answer each Send when it is decoded."""
    pipes, total = Pipes(), 0
    with Path(path).open("r+b") as file, mmap.mmap(file.fileno(), mmap.PAGESIZE) as page:
        pipes.join("sink")
        while True:
            kind, id, body = pipes.next()
            if kind == SEND:
                total += len(base64.b64decode(json.loads(body)["payload"]))
                COUNTER.pack_into(page, 0, total)
            pipes.answer(SUCCESS, id)


if __name__ == "__main__":
    try:
        {"source": source, "sink": sink}[sys.argv[1]](*sys.argv[2:])
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)
