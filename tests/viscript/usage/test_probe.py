"""Both probes against real processes; what one says, the other must say too."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.support.wait import eventually
from viscript.usage.linux import LinuxProbe
from viscript.usage.portable import PortableProbe
from viscript.usage.probe import Probe, default_probe

LOAD = """
import socket, sys, threading
held = bytearray(20_000_000)
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
threading.Thread(target=threading.Event().wait, daemon=True).start()
sum(i * i for i in range(2_000_000))
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def load() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", LOAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process
        process.kill()


@pytest.fixture(params=[LinuxProbe, PortableProbe])
def probe(request: pytest.FixtureRequest) -> Iterator[Probe]:
    made: Probe = request.param()
    yield made
    made.close()


def test_figures_agree_with_psutil(probe: Probe, load: subprocess.Popen[bytes]) -> None:
    process, detail = probe.watch(load.pid), probe.detail(load.pid)
    assert process is not None
    theirs = psutil.Process(load.pid)
    cpu = theirs.cpu_times()
    assert process.cpu_seconds == pytest.approx(cpu.user + cpu.system, rel=0.05)
    assert process.rss_bytes == pytest.approx(theirs.memory_info().rss, rel=0.05)
    assert process.threads == 2
    assert (process.ppid, process.session) == (os.getpid(), load.pid)
    assert detail.uss_bytes == pytest.approx(theirs.memory_full_info().uss, rel=0.05)
    assert detail.fds == theirs.num_fds()
    assert detail.sockets == 3
    io = theirs.io_counters()
    assert (detail.read_bytes, detail.write_bytes) == (io.read_bytes, io.write_bytes)


def test_a_watched_process_is_seen_anew(probe: Probe, load: subprocess.Popen[bytes]) -> None:
    first = probe.watch(load.pid)
    assert first is not None
    assert probe.watch(load.pid) == probe.look(load.pid) == first


def test_a_process_that_is_gone_gives_nothing(probe: Probe, load: subprocess.Popen[bytes]) -> None:
    assert probe.watch(load.pid) is not None
    load.kill()
    load.wait()
    assert probe.watch(load.pid) is None
    assert probe.look(load.pid) is None
    assert probe.detail(load.pid).fds is None


def test_our_pid_is_listed(probe: Probe) -> None:
    assert os.getpid() in probe.pids()


def test_the_age_is_that_of_the_process(probe: Probe) -> None:
    process = probe.look(os.getpid())
    assert process is not None
    first = probe.uptime(process)
    assert first > 0
    eventually(lambda: probe.uptime(process) > first, interval_s=0.001)


def test_the_environment_forces_the_portable_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(default_probe(), LinuxProbe)
    monkeypatch.setenv("VISCRIPT_PORTABLE", "1")
    assert isinstance(default_probe(), PortableProbe)


def test_descriptors_and_shares_of_memory_are_told_and_of_a_process_that_is_gone_nothing(
    probe: Probe, load: subprocess.Popen[bytes]
) -> None:
    fds, pss = probe.fds(load.pid), probe.pss(load.pid)
    assert fds is not None
    assert fds >= 6
    assert pss is not None
    assert 20_000_000 < pss < 60_000_000
    load.kill()
    load.wait()
    assert (probe.fds(load.pid), probe.pss(load.pid)) == (None, None)
