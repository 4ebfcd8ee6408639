import os
import resource
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from viscript.usage.linux import LinuxProbe


@pytest.fixture
def pid() -> Iterator[int]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def probe() -> Iterator[LinuxProbe]:
    made = LinuxProbe()
    yield made
    made.close()


def test_watching_keeps_one_descriptor_and_lets_it_go(probe: LinuxProbe, pid: int) -> None:
    before = psutil.Process().num_fds()
    for _ in range(3):
        probe.watch(pid)
    assert psutil.Process().num_fds() == before + 1
    probe.unwatch(pid)
    probe.unwatch(pid)
    assert psutil.Process().num_fds() == before


def test_an_idle_process_is_parsed_once(probe: LinuxProbe, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)  # while it still starts, its line changes
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    probe.watch(pid)
    first = probe.watch(pid)
    assert first is not None
    assert probe.watch(pid) is first


def test_near_the_limit_nothing_is_kept(probe: LinuxProbe, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 100))
    before = psutil.Process().num_fds()
    assert probe.watch(pid) is not None
    assert psutil.Process().num_fds() == before
