import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.wait import eventually
from viscript.demo import scratch
from viscript.demo.scratch import OWNER, end_left
from viscript.demo.scratch import scratch as made


@pytest.fixture
def temporary(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(short_tmp))
    return short_tmp


def folder(parent: Path, name: str = "x", owner: bytes = b"1\n") -> Path:
    root = parent / f"{scratch.PREFIX}{os.getuid()}-{name}"
    root.mkdir()
    (root / OWNER).write_bytes(owner)
    return root


def test_a_folder_is_there_for_the_block_only(temporary: Path) -> None:
    with made() as root:
        assert root.parent == temporary
        assert root.stat().st_mode & 0o077 == 0
        assert (root / OWNER).read_text() == f"{os.getpid()}\n"
    assert list(temporary.iterdir()) == []


def test_it_goes_also_when_the_block_fails(temporary: Path) -> None:
    with pytest.raises(KeyboardInterrupt), made():
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


def test_what_a_killed_demo_left_is_ended_by_the_next(temporary: Path) -> None:
    left = folder(temporary)
    app = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)"],
        env={**os.environ, "VISCRIPT_HOME": str(left), "VISCRIPT_SEQ": "1"},
    )
    try:
        eventually(lambda: scratch.scene_at(left).processes())
        with made() as root:
            assert list(temporary.iterdir()) == [root]
        assert app.wait(10) == -9
    finally:
        app.kill()
        app.wait()


def test_a_demo_that_runs_is_let_be(temporary: Path) -> None:
    root = folder(temporary)
    with (root / OWNER).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert end_left() == []
    assert end_left() == [root]


def test_only_folders_that_are_surely_a_demos_are_ended(temporary: Path) -> None:
    just_made = folder(temporary, "new", owner=b"")
    bare = folder(temporary, "bare")
    (bare / OWNER).unlink()
    real = temporary / "real"
    real.mkdir()
    (real / OWNER).write_bytes(b"1\n")
    linked = temporary / f"{scratch.PREFIX}{os.getuid()}-link"
    linked.symlink_to(real)
    (temporary / f"{scratch.PREFIX}{os.getuid()}-file").write_text("x")
    assert end_left() == []
    assert just_made.is_dir()
    assert real.is_dir()


def test_without_room_for_it_no_folder_is_left(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"), made():
            pass
    assert list(temporary.iterdir()) == []
