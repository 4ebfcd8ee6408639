"""Two pipe hosts at one visor: an app sends to another, each through a host of its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.mesh.app import COUNTER
from components.mesh import keys
from components.mesh.errors import Unreachable
from components.visor.apps.dialler import MeshStream, Over
from components.visor.apps.server import AppServer
from components.visor.groups.path import Policy
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey

PORT: Final = 7
WARM_BYTES: Final = 10_000_000
WAIT_S: Final = 20.0
PAGE: Final = bytes(4096)


class Alone:
    """A `Dialler` of a visor without others: both apps are its own, and their stream goes past it."""

    def __init__(self) -> None:
        self.key = Identity(draw()).public_key

    async def dial(
        self, pk: PublicKey, port: int, source: int, policy: Policy, sock: socket.socket, over: Over
    ) -> MeshStream:
        """Nobody is there."""
        sock.close()
        raise Unreachable(pk.hex(), "this visor is alone")

    def message(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> bool:
        """Nobody is there."""
        return False


def through_hosts(seconds: float) -> float:
    """MB/s from app to app. Raises `TimeoutError`."""
    return asyncio.run(_measured(seconds))


async def _measured(seconds: float) -> float:
    with tempfile.TemporaryDirectory(prefix="pipes-") as folder:
        visor, counter = Path(folder) / "app.sock", Path(folder) / "counter"
        counter.write_bytes(PAGE)
        mesh = Alone()
        async with AppServer(visor, mesh) as server:
            hosts: list[subprocess.Popen[bytes]] = []
            try:
                hosts.append(_host(visor, "--port", str(PORT), "--", "sink", str(counter)))
                await _until(lambda: server.listens(PORT))
                hosts.append(_host(visor, "--", "source", keys.hex66(mesh.key), str(PORT)))
                await _until(lambda: _count(counter) >= WARM_BYTES)
                return await _rate(counter, seconds)
            finally:
                for host in hosts:
                    host.terminate()
                    await asyncio.to_thread(host.wait, WAIT_S)


async def _rate(counter: Path, seconds: float) -> float:
    began, before = time.monotonic(), _count(counter)
    await asyncio.sleep(seconds)
    return (_count(counter) - before) / 1e6 / (time.monotonic() - began)


def _host(visor: Path, *words: str) -> subprocess.Popen[bytes]:
    at = words.index("--") + 1
    options = ["--visor", str(visor), "--no-log-arg", *words[:at]]
    app = [sys.executable, "-P", "-m", "bench.mesh.pipe_app", *words[at:]]
    argv = [sys.executable, "-P", "-m", "components.visor.pipe", *options, *app]
    return subprocess.Popen(argv, stderr=subprocess.DEVNULL)


async def _until(probe: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not probe():
            await asyncio.sleep(0.02)


def _count(counter: Path) -> int:
    count: int = COUNTER.unpack_from(counter.read_bytes())[0]
    return count
