"""Processes of one measurement, their CPU, and the sockets between them; leaving it leaves nothing behind."""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import IO

import msgspec

from bench.mesh.app import COUNTER
from bench.mesh.layout import NodeOrder
from components.visor.apps import handed

READY_S = 20.0


class Counter:
    """A page shared with a sink: the bytes it has read."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("counter", 0)
        os.ftruncate(self.fd, mmap.PAGESIZE)
        self._page = mmap.mmap(self.fd, mmap.PAGESIZE)

    @property
    def value(self) -> int:
        """Bytes so far."""
        count: int = COUNTER.unpack_from(self._page)[0]
        return count

    def close(self) -> None:
        """Of no use any more."""
        self._page.close()
        os.close(self.fd)


class Worker:
    """One process."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.process = process
        self._clock = ~process.pid << 3 | 2  # the kernel's number of this process's CPU clock

    @property
    def cpu_s(self) -> float:
        """Its user and system time so far."""
        return time.clock_gettime(self._clock)

    @property
    def output(self) -> IO[str]:
        """What it prints."""
        assert self.process.stdout is not None
        return self.process.stdout


class Crew:
    """Starts processes and hands sockets to them."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.process.kill()
        for worker in self.workers.values():
            with worker.process:
                worker.process.wait()
        for sock in self._sockets.values():
            sock.close()
        self._stack.close()

    def counter(self) -> Counter:
        """A counter for a sink."""
        counter = Counter()
        self._stack.callback(counter.close)
        return counter

    def tcp(self) -> tuple[int, int]:
        """Both ends of a connection over loopback."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            left = socket.create_connection(server.getsockname())
            right, _ = server.accept()
        return self._keep(left, right)

    def unix(self) -> tuple[int, int]:
        """Both ends of a socketpair."""
        return self._keep(*socket.socketpair())

    def stream(self) -> tuple[int, int]:
        """Both ends of a stream's socket as a visor makes it: the app's and the mesh's."""
        return self._keep(*handed.pair())

    def _keep(self, left: socket.socket, right: socket.socket) -> tuple[int, int]:
        for sock in (left, right):
            self._sockets[sock.fileno()] = sock
        return left.fileno(), right.fileno()

    def node(self, name: str, order: NodeOrder) -> Worker:
        """A node, ready; raises `TimeoutError` or `RuntimeError`."""
        fds = [*(link.fd for link in order.links), *order.apps]
        worker = self._start(name, "bench.mesh.node", [msgspec.json.encode(order).decode()], fds)
        if worker.output.readline().strip() != "ready":
            raise RuntimeError(f"{name} did not become ready")
        return worker

    def app(self, name: str, work: str, *words: int, fds: list[int]) -> Worker:
        """An app; `words` are its arguments."""
        return self._start(name, "bench.mesh.app", [work, *map(str, words)], fds)

    def _start(self, name: str, module: str, words: list[str], fds: list[int]) -> Worker:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=fds,
        )  # fmt: skip
        self.workers[name] = Worker(name, process)
        for fd in fds:  # ours is not the last end of anything: a process that ends is noticed
            if fd in self._sockets:
                self._sockets.pop(fd).close()
        return self.workers[name]

    def cpu(self) -> dict[str, float]:
        """Of each process that lives, so far."""
        return {name: one.cpu_s for name, one in self.workers.items() if one.process.poll() is None}
