"""Strangers at the doors of a visor: it serves others all the same, and its memory and descriptors stay."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from components.mesh.errors import RemoteError
from components.mesh.ports import MeshPort
from components.mesh.session import dial
from components.visor.app import App
from signal_bus.identity import Identity, draw, load_or_create
from tests.support.wait import eventually

CROWD = 150
HALF_OPEN_EACH = 16  # of one address
GROWTH_MIB = 16


class Visor:
    """A visor in a process of its own, and how large it is."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        host, _, port = line.split()[-1].rpartition(":")
        self.address = (host, int(port))
        self.apps = folder / "app.sock"
        self.key = load_or_create(folder / "identity").public_key
        self._seen = psutil.Process(process.pid)
        self.descriptors = self._seen.num_fds()

    @property
    def rss(self) -> int:
        return int(self._seen.memory_info().rss)

    def num_fds(self) -> int:
        return int(self._seen.num_fds())


@pytest.fixture
def visor(short_tmp: Path) -> Iterator[Visor]:
    words = ["--listen", "127.0.0.1:0", "--state", str(short_tmp), "--alone"]
    program = [sys.executable, "-P", "-m", "components.visor", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield Visor(short_tmp, process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def silence() -> bytes:
    return b""


def noise() -> bytes:
    return os.urandom(4096)


def huge() -> bytes:
    """The largest length a handshake message can tell, and not so much behind it."""
    return b"\xff\xff" + os.urandom(1000)


def torn() -> bytes:
    """A first message that is one byte short."""
    return b"\x00\x30" + os.urandom(47)


@pytest.mark.parametrize("what", [silence, noise, huge, torn])
async def test_a_crowd_of_strangers_costs_a_visor_nothing_that_stays(
    visor: Visor, what: Callable[[], bytes]
) -> None:
    await crowd(visor, what)  # the first of everything may load something
    before = visor.rss
    for _ in range(2):
        await crowd(visor, what)
    eventually(lambda: visor.num_fds() <= visor.descriptors)
    assert visor.rss - before < GROWTH_MIB << 20
    await answers(visor)


async def crowd(visor: Visor, what: Callable[[], bytes]) -> None:
    """Many come, say it, and go; no more than the bound are listened to at one time."""
    guests = []
    for _ in range(CROWD):
        guest = socket.create_connection(visor.address, 5)
        guests.append(guest)
        with suppress(OSError):
            guest.sendall(what())
    eventually(lambda: visor.num_fds() <= visor.descriptors + HALF_OPEN_EACH)
    for guest in guests:
        guest.close()
    eventually(lambda: visor.num_fds() <= visor.descriptors)


async def answers(visor: Visor) -> None:
    """Whoever knows its key is still heard, and told that this port is not for him."""
    with pytest.raises(RemoteError, match="not"):
        await dial(visor.address, Identity(draw()), visor.key, MeshPort.SETUP_HOP)


@pytest.mark.parametrize("what", [noise, huge])
async def test_an_app_that_talks_nonsense_is_hung_up_on_alone(
    visor: Visor, what: Callable[[], bytes]
) -> None:
    async with App.connect(str(visor.apps)) as good, good.listen(7):
        before = visor.num_fds()
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as bad:
                bad.settimeout(10)
                bad.connect(str(visor.apps))
                with suppress(OSError):
                    bad.sendall(what())
                with suppress(ConnectionResetError):
                    assert bad.recv(100) == b""
        eventually(lambda: visor.num_fds() <= before)
        assert (await good.describe()).ports == (7,)
