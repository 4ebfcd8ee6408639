"""One daemon a home: the second is refused with who the first is."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wait import eventually
from viscript.daemon.lock import DaemonLock, read_facts
from viscript.errors import ExitCode, VerbError


def lock_of(folder: Path) -> DaemonLock:
    return DaemonLock(str(folder / "daemon.lock"), str(folder / "daemon.json"), str(folder / "door"))


@pytest.fixture
def lock(tmp_path: Path) -> DaemonLock:
    return lock_of(tmp_path)


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
    second = lock_of(tmp_path)
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
        lock_of(tmp_path).take("")
    lock.release()


def test_without_a_configuration_it_says_none(lock: DaemonLock, tmp_path: Path) -> None:
    lock.take("")
    with pytest.raises(VerbError, match="config none"):
        lock_of(tmp_path).take("")
    lock.release()


def test_a_killed_daemon_holds_nothing(lock: DaemonLock, tmp_path: Path) -> None:
    code = (
        "import sys; from viscript.daemon.lock import DaemonLock;"
        f"DaemonLock({str(tmp_path / 'daemon.lock')!r}, {str(tmp_path / 'daemon.json')!r}, '').take('x');"
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


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").mkdir()
    with pytest.raises(VerbError, match=r"must be able to write in its home: .*daemon.lock: Is a directory"):
        lock_of(tmp_path).take("")


def test_without_room_for_the_facts_old_ones_are_not_left(
    lock: DaemonLock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "full")

    (tmp_path / "daemon.json").write_text('{"pid": 5}')
    monkeypatch.setattr(Path, "write_text", full)
    lock.take("")
    assert [path.name for path in tmp_path.iterdir()] == ["daemon.lock"]
    with pytest.raises(VerbError, match="is locked"):
        lock_of(tmp_path).take("")
    lock.release()
