import fcntl
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from viscript.diagnose import premises
from viscript.home import Home, find_home, make_home


@pytest.fixture
def home(short_tmp: Path) -> Home:
    made = find_home({"VISCRIPT_HOME": str(short_tmp / "h")})
    make_home(made)
    return made


def test_a_fresh_home_is_fit(home: Home) -> None:
    for check in (premises.folders, premises.sockets, premises.store, premises.disk, premises.pipes):
        assert check(home).status == "pass", check(home)


def test_a_home_that_is_not_there_yet_is_fit(short_tmp: Path) -> None:
    home = find_home({"VISCRIPT_HOME": str(short_tmp / "none" / "h")})
    assert premises.folders(home).status == "pass"
    assert premises.disk(home).status == "pass"
    assert premises.pipes(home).status == "pass"


def test_a_home_others_may_write_to_is_not(home: Home) -> None:
    os.chmod(home.root, 0o777)
    assert premises.folders(home).status == "fail"


def test_a_secret_others_may_read_is_none(home: Home) -> None:
    identity = Path(home.identity)
    identity.touch(0o600)
    assert premises.folders(home).status == "pass"
    identity.chmod(0o644)
    finding = premises.folders(home)
    assert (finding.status, finding.fix) == ("fail", f"chmod go= {identity}")


def test_a_socket_whose_path_is_too_long() -> None:
    home = Home("/h", "/" + "x" * 100, "/h/apps")
    assert premises.sockets(home).status == "fail"


def test_a_store_is_whole_or_not(home: Home) -> None:
    connection = sqlite3.connect(home.database)
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
    connection.commit()
    connection.close()
    assert premises.store(home).status == "pass"
    data = bytearray(Path(home.database).read_bytes())
    data[4096:8192] = os.urandom(4096)
    Path(home.database).write_bytes(data)
    assert premises.store(home).status == "fail"
    Path(home.database).write_bytes(b"no database at all" * 100)
    assert premises.store(home).status == "fail"


@pytest.mark.parametrize("free, status", [(1 << 40, "pass"), (100 << 20, "warn"), (1 << 20, "fail")])
def test_a_disk_has_room(home: Home, free: int, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))(1 << 41, (1 << 41) - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert premises.disk(home).status == status


def test_small_pipes_are_counted(home: Home) -> None:
    descriptors = []
    for number, size in enumerate((65536, 4096, 65536)):
        path = Path(home.keeper) / f"{number}.fifo"
        os.mkfifo(path)
        descriptors.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        fcntl.fcntl(descriptors[-1], fcntl.F_SETPIPE_SZ, size)
    assert "1 of 3" in premises.pipes(home).text
    assert premises.pipes(home).status == "warn"
    for descriptor in descriptors:
        os.close(descriptor)


def test_the_newest_write_is_found(home: Home) -> None:
    assert premises.newest_write(home) is None
    for path, at in ((home.database, 1000.0), (home.daemon_log, 2000.0)):
        Path(path).touch()
        os.utime(path, (at, at))
    assert premises.newest_write(home) == 2000.0
