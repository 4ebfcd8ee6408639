"""One daemon a home: the second is refused with who the first is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wait import eventually
from viscript.daemon.lock import DaemonLock, read_facts
from viscript.errors import ExitCode, VerbError


@pytest.fixture
def lock(tmp_path: Path) -> DaemonLock:
    return DaemonLock(str(tmp_path / "daemon.lock"), str(tmp_path / "daemon.json"))


def test_the_holder_says_who_it_is(lock: DaemonLock, tmp_path: Path) -> None:
    lock.take("/etc/c.yaml")
    facts = read_facts(tmp_path / "daemon.json")
    assert facts is not None
    assert (facts["pid"], facts["config"]) == (os.getpid(), "/etc/c.yaml")
    assert (tmp_path / "daemon.json").stat().st_mode & 0o777 == 0o600
    lock.release()
    assert not (tmp_path / "daemon.json").exists()


def test_a_second_daemon_is_refused_with_the_first_ones_facts(lock: DaemonLock, tmp_path: Path) -> None:
    lock.take("/etc/c.yaml")
    second = DaemonLock(str(tmp_path / "daemon.lock"), str(tmp_path / "daemon.json"))
    with pytest.raises(VerbError, match=f"pid {os.getpid()}, config /etc/c.yaml, up 0 s") as caught:
        second.take("")
    assert caught.value.code is ExitCode.FAILED
    lock.release()
    second.take("")
    second.release()


@pytest.mark.parametrize("text", ["", "no json", "[1]", "5", "{}", '{"started_at": {}}'])
def test_one_that_has_said_nothing_yet_is_starting(lock: DaemonLock, tmp_path: Path, text: str) -> None:
    lock.take("")
    (tmp_path / "daemon.json").write_text(text)
    with pytest.raises(VerbError, match="is starting on this home already"):
        DaemonLock(str(tmp_path / "daemon.lock"), str(tmp_path / "daemon.json")).take("")
    lock.release()


def test_without_a_configuration_it_says_none(lock: DaemonLock, tmp_path: Path) -> None:
    lock.take("")
    with pytest.raises(VerbError, match="config none"):
        DaemonLock(str(tmp_path / "daemon.lock"), str(tmp_path / "daemon.json")).take("")
    lock.release()


def test_a_killed_daemon_holds_nothing(lock: DaemonLock, tmp_path: Path) -> None:
    code = (
        "import sys; from viscript.daemon.lock import DaemonLock;"
        f"DaemonLock({str(tmp_path / 'daemon.lock')!r}, {str(tmp_path / 'daemon.json')!r}).take('x');"
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(VerbError, match=f"pid {holder.pid}"):
            lock.take("")
        holder.kill()
    eventually(lambda: json.loads((tmp_path / "daemon.json").read_text())["pid"] == holder.pid)
    lock.take("")
    lock.release()


def test_no_file_has_no_facts(tmp_path: Path) -> None:
    assert read_facts(tmp_path / "nothing") is None
