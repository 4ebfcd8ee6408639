"""Questions about real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wait import eventually
from viscript.supervisor import processes
from viscript.supervisor.processes import alive


@pytest.fixture
def zombie() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["/bin/true"])
    eventually(lambda: b") Z " in Path(f"/proc/{process.pid}/stat").read_bytes())
    return process


def test_a_process_that_runs_is_alive_and_one_that_is_gone_is_not() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert alive(process.pid)
    assert not alive(process.pid)


def test_a_zombie_is_not_alive(zombie: subprocess.Popen[bytes]) -> None:
    assert not alive(zombie.pid)
    zombie.wait()


class NoProc:
    """A system without /proc."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read_bytes(self) -> bytes:
        raise FileNotFoundError(self._path)

    def exists(self) -> bool:
        return False


def test_without_proc_the_system_is_asked_by_a_signal_that_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "Path", NoProc)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert alive(process.pid)
    assert not alive(process.pid)


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, signum: int) -> None:
        raise PermissionError

    monkeypatch.setattr(processes, "Path", NoProc)
    monkeypatch.setattr(os, "kill", refused)
    assert alive(1)


def test_one_that_may_not_be_looked_at_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(NoProc):
        def read_bytes(self) -> bytes:
            raise PermissionError

    monkeypatch.setattr(processes, "Path", Closed)
    assert not alive(1)
