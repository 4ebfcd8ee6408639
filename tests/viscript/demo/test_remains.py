import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import eventually
from viscript.demo.remains import Had, had, left
from viscript.demo.scene import Scene
from viscript.demo.scratch import scene_at
from viscript.verbs.results import DemoLeft

LISTEN = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(300)"
NOTHING = DemoLeft(processes=0, ports=0, files=0)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return scene_at(tmp_path / "demo")


@pytest.fixture
def app(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "VISCRIPT_HOME": str(scene.root), "VISCRIPT_SEQ": "1"}
    process = subprocess.Popen([sys.executable, "-c", LISTEN], env=environ)
    eventually(lambda: had(scene).ports)
    yield process
    process.kill()
    process.wait()


def test_where_nothing_was_nothing_is_left(scene: Scene) -> None:
    assert left(scene, Had((), frozenset())) == NOTHING


def test_a_process_and_its_port_are_counted_until_they_are_gone(
    scene: Scene, app: subprocess.Popen[bytes]
) -> None:
    before = had(scene)
    assert [process.pid for process in before.processes] == [app.pid]
    assert left(scene, before) == DemoLeft(processes=1, ports=1, files=0)
    app.kill()
    eventually(lambda: left(scene, before).ports == 0)
    assert left(scene, before).processes == 1  # ours, and not buried yet
    app.wait()
    assert left(scene, before) == NOTHING


def test_what_came_later_counts_too(scene: Scene, app: subprocess.Popen[bytes]) -> None:
    assert left(scene, Had((), frozenset())).processes == 1


def test_files_and_folders_are_counted(scene: Scene) -> None:
    scene.root.mkdir()
    (scene.root / "one").write_text("x")
    assert left(scene, Had((), frozenset())).files == 2


def test_a_port_of_somebody_else_is_not_a_demos(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert had(scene) == Had((), frozenset())
