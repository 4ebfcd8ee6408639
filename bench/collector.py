"""Receives what the test children tell, in a thread, so that their datagrams never wait."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

_BUFFER_BYTES = 1 << 22


class Told(NamedTuple):
    """One datagram of a child; `at` is nanoseconds of CLOCK_MONOTONIC."""

    name: str
    pid: int
    at: int
    kind: str
    size: int


def parse(datagram: bytes) -> Told:
    """What a datagram says. Raises `ValueError` when it is not one of a child."""
    name, pid, at, kind, size = datagram.decode().split()
    return Told(name, int(pid), int(at), kind, int(size))


class Collector:
    """A socket for children, and all they told so far."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.starts: list[Told] = []
        self.ends: list[Told] = []
        self._news = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(self.path)
        except OSError:
            self._socket.close()
            raise
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def wait(self, probe: Callable[[], bool], seconds: float) -> bool:
        """Whether `probe` came true within the time; it is asked after each datagram."""
        with self._news:
            return self._news.wait_for(probe, seconds)

    def _receive(self) -> None:
        while datagram := self._socket.recv(256):
            told = parse(datagram)
            with self._news:
                (self.starts if told.kind == "S" else self.ends).append(told)
                self._news.notify_all()
