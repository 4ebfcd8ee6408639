"""Listens on a port after a while, and writes when it began and ended: `late_server.py PORT SECONDS FILE`."""

import signal
import socket
import sys
import time

port, wait, file = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]


def tell(word: str) -> None:
    with open(file, "a", encoding="ascii") as out:
        out.write(f"{word} {port}\n")


def end(number: int, frame: object) -> None:
    tell("down")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
time.sleep(wait)
server = socket.create_server(("127.0.0.1", port))
tell("up")
while True:
    server.accept()[0].close()
