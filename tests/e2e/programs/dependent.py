"""Ends with 9 unless a port answers; else says `up NAME`, and `down NAME` at the end: PORT NAME FILE."""

import signal
import socket
import sys
import time

port, name, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def tell(word: str) -> None:
    with open(file, "a", encoding="ascii") as out:
        out.write(f"{word} {name}\n")


def end(number: int, frame: object) -> None:
    tell("down")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
try:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
except OSError:
    tell("refused")
    sys.exit(9)
tell("up")
time.sleep(1000)
