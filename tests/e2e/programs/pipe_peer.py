"""An app of the pipe protocol with the habits of the real ones. Imports nothing of ours.

    pipe_peer.py [LOG] MODE      serve | exit N | ping, chat, bulk KEY PORT [TEXT ... | BYTES]

Habits: a thread for each frame; ConfirmLoop is answered Success even when the one place for a connection that
nobody accepted yet is taken, and Sends for it then fail with "no listeners"; a connection is found by zero
local key only.
"""

import base64
import json
import os
import queue
import struct
import sys
import threading
from typing import Any

ZERO = "0" * 66


class Pipe:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = {}
        self.conns = {}
        self.accepts = queue.Queue(1)
        self.gone = threading.Event()

    def start(self, version: str = "0.0.1") -> Any:
        threading.Thread(target=self.serve, daemon=True).start()
        return self.call(0, {"app-name": "peer", "app-version": "1.0", "protocol-version": version})

    def write(self, type: int, id: int, body: bytes) -> None:
        frame = struct.pack(">HBB", len(body) + 2, type, id) + body
        with self.lock:
            while frame:
                frame = frame[os.write(4, frame) :]

    def call(self, type: int, value: Any) -> Any:
        answer = queue.Queue(1)
        with self.lock:
            id = next(number for number in range(255) if number not in self.pending)  # raises past 255
            self.pending[id] = answer
        self.write(type, id, json.dumps(value).encode())
        ok, body = answer.get()
        if not ok:
            raise RuntimeError(body.decode())
        return json.loads(body)

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = os.read(3, size - len(data))
            if not part:
                self.gone.set()
                os._exit(9)
            data += part
        return data

    def serve(self) -> None:
        while True:
            size, type, id = struct.unpack(">HBB", self.exactly(4))
            body = self.exactly(size - 2)
            if type in (0xFE, 0xFF):
                self.pending.pop(id).put((type == 0xFF, body))
            else:
                threading.Thread(target=self.handle, args=(type, id, json.loads(body)), daemon=True).start()

    def handle(self, type: int, id: int, value: Any) -> None:
        if type == 2:
            local, remote = value
            conn = Conn(self, local["port"], remote)
            try:
                self.accepts.put_nowait(conn)
                self.conns[conn.key] = conn
            except queue.Full:
                pass
            self.write(0xFF, id, b"null")
            return
        loop = value["loop"] if type == 3 else value
        conn = self.conns.get(json.dumps(loop, sort_keys=True))
        if conn is None:
            self.write(0xFE, id, b"no listeners")
        elif type == 3:
            conn.incoming.put(base64.b64decode(value["payload"]))  # full: the reader's pace is the sender's
            self.write(0xFF, id, b"null")
        else:
            self.conns.pop(conn.key, None)
            conn.incoming.put(None)
            self.write(0xFF, id, b"null")

    def dial(self, pk: str, port: str) -> Any:
        remote = {"pk": pk, "port": int(port)}
        local = self.call(1, remote)
        conn = Conn(self, local["port"], remote)
        self.conns[conn.key] = conn
        return conn


class Conn:
    def __init__(self, pipe: Any, port: Any, remote: Any) -> None:
        self.pipe = pipe
        self.loop = {"Local": {"pk": ZERO, "port": port}, "Remote": remote}
        self.key = json.dumps(self.loop, sort_keys=True)
        self.incoming = queue.Queue(1)

    def send(self, data: bytes) -> None:
        self.pipe.call(3, {"loop": self.loop, "payload": base64.b64encode(data).decode()})

    def close(self) -> None:
        self.pipe.conns.pop(self.key, None)
        self.pipe.call(4, self.loop)


def echo(conn: Any) -> None:
    while (data := conn.incoming.get()) is not None:
        conn.send(b"pong" if data == b"ping" else data)


def main(argv: list[str]) -> int:
    if argv[0].endswith("log.db"):
        argv = argv[1:]
    mode, *rest = argv
    pipe = Pipe()
    if mode == "exit":
        pipe.start()
        return int(rest[0])
    if mode == "serve":
        pipe.start()
        while True:
            threading.Thread(target=echo, args=(pipe.accepts.get(),), daemon=True).start()
    pipe.start()
    conn = pipe.dial(rest[0], rest[1])
    if mode == "ping":
        conn.send(b"ping")
        answer = conn.incoming.get()
        conn.close()
        return 0 if answer == b"pong" else 3
    if mode == "chat":
        for text in rest[2:]:
            conn.send(text.encode())
        got = [conn.incoming.get().decode() for _ in rest[2:]]
        conn.close()
        return 0 if got == rest[2:] else 4
    if mode == "bulk":
        size, part = int(rest[2]), os.urandom(32 * 1024)
        count = size // len(part)

        def pour() -> None:
            for _ in range(count):
                conn.send(part)

        threading.Thread(target=pour, daemon=True).start()
        good = all(conn.incoming.get() == part for _ in range(count))
        conn.close()
        return 0 if good else 5
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
