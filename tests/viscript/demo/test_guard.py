import os
import subprocess
import sys
from pathlib import Path

from tests.support.wait import eventually
from viscript.demo.scratch import GUARD, scene_at


def guarding(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", "-m", GUARD, str(root)], stdin=subprocess.PIPE)


def test_when_its_demo_is_gone_the_guard_ends_what_is_left(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    root.mkdir()
    app = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)"],
        env={**os.environ, "VISCRIPT_HOME": str(root), "VISCRIPT_SEQ": "1"},
    )
    guard = guarding(root)
    try:
        eventually(lambda: scene_at(root).processes())
        assert guard.poll() is None
        assert guard.stdin is not None
        guard.stdin.close()
        assert guard.wait(30) == 0
        assert app.wait(10) == -9
        assert not root.exists()
    finally:
        for process in (app, guard):
            process.kill()
            process.wait()


def test_where_nothing_is_left_it_does_nothing(tmp_path: Path) -> None:
    guard = guarding(tmp_path / "gone")
    assert guard.stdin is not None
    guard.stdin.close()
    assert guard.wait(30) == 0
    assert list(tmp_path.iterdir()) == []
