import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.wait import eventually
from viscript.demo.scene import Scene
from viscript.prove.verdict import QUICK


def asleep(root: Path, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)", *words],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
    )


def test_a_program_of_a_person_in_that_home_is_left_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, QUICK, 60.0)
    theirs = asleep(tmp_path, VISCRIPT_HOME=str(tmp_path))
    app = asleep(tmp_path, VISCRIPT_HOME=str(tmp_path), VISCRIPT_SEQ="3")
    daemon = asleep(tmp_path, "viscript.daemon", VISCRIPT_HOME=str(tmp_path))
    try:
        eventually(lambda: len(scene.processes()) == 2)
        assert {each.pid for each in scene.processes()} == {app.pid, daemon.pid}
        scene.close()
        assert app.wait(10) == daemon.wait(10) == -9
        assert theirs.poll() is None
        assert psutil.pid_exists(theirs.pid)
    finally:
        for process in (theirs, app, daemon):
            process.kill()
            process.wait()
