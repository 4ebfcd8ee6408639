"""Starting a daemon in the background; a stand-in program plays the daemon."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client
from tests.support.prompt import lab
from viscript.errors import ExitCode
from viscript.home import find_home
from viscript.local import launch
from viscript.local.launch import LaunchError, exit_code


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(launch, "daemon_command", lambda config, *options: [sys.executable, "-c", program])


def test_a_daemon_that_answers_is_found(short_tmp: Path) -> None:
    assert launch.running(client(short_tmp)) is None
    with lab(short_tmp):
        found = launch.running(client(short_tmp))
        assert found is not None
        assert found.sentence() == "daemon 5 runs; configuration: /etc/lab.yaml"
        assert launch.ensure(client(short_tmp)) == (found, False)


def test_one_that_ends_at_once_is_quoted_with_its_code(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "import sys; sys.stderr.write('config.yaml:1:1: bad\\n'); sys.exit(6)")
    with pytest.raises(LaunchError) as error:
        launch.start(client(short_tmp))
    assert (error.value.code, error.value.text) == (6, "config.yaml:1:1: bad")


def test_one_that_says_nothing_is_reported_with_its_status(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(LaunchError, match="status -9") as error:
        launch.start(client(short_tmp))
    assert error.value.code == ExitCode.FAILED


def test_one_that_never_answers_is_a_timeout(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "DEADLINE_S", 0.3)
    stand_in(monkeypatch, "import select; select.select([], [], [], 2)")
    with pytest.raises(LaunchError, match="has not answered") as error:
        launch.start(client(short_tmp))
    assert error.value.code == ExitCode.TIMED_OUT


def test_another_daemons_answer_is_not_taken_for_the_new_ones(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "import sys; sys.stderr.write('a daemon runs already'); sys.exit(1)")
    with lab(short_tmp), pytest.raises(LaunchError, match="runs already"):
        launch.start(client(short_tmp))


def test_a_home_that_cannot_be_made_is_not_permitted(short_tmp: Path) -> None:
    (short_tmp / "file").touch()
    with pytest.raises(LaunchError) as error:
        launch.start(client(short_tmp / "file" / "h"))
    assert error.value.code == ExitCode.NOT_PERMITTED


def test_a_silent_listener_is_not_taken_for_absent(short_tmp: Path) -> None:
    import socket

    (short_tmp / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{short_tmp}/run/verbs.sock")
        silent.listen(1)
        with pytest.raises(LaunchError) as error:
            launch.running(client(short_tmp))
    assert error.value.code == ExitCode.TIMED_OUT


def test_a_door_that_speaks_no_json_is_no_daemon(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock"):
        assert launch.running(client(short_tmp)) is None


def test_the_command_line_of_the_daemon() -> None:
    assert launch.daemon_command("/c.yaml", "--guarded")[1:] == [
        "-P", "-m", "viscript.daemon", "--guarded", "--config", "/c.yaml",
    ]  # fmt: skip
    assert os.path.isabs(launch.daemon_command(None)[0])


@pytest.mark.parametrize("code, meant", [(0, 0), (6, 6), (130, 130), (-9, 1), (99, 1)])
def test_codes_without_a_meaning_are_failures(code: int, meant: int) -> None:
    assert exit_code(code) == meant


@pytest.mark.parametrize(
    "facts, holds",
    [(None, True), ("no json", True), ("[1]", True), ('{"pid": 5}', True), ('{"pid": 6}', False)],
)
def test_only_a_daemon_that_has_the_home_is_waited_for(
    short_tmp: Path, facts: str | None, holds: bool
) -> None:
    home = find_home({"VISCRIPT_HOME": str(short_tmp)})
    assert not launch._holds(home, 5)
    (short_tmp / "run").mkdir()
    Path(home.verbs_socket).touch()
    if facts is not None:
        Path(home.daemon_facts).write_text(facts)
    assert launch._holds(home, 5) == holds


def test_a_log_folder_that_cannot_be_written_is_named(short_tmp: Path) -> None:
    (short_tmp / "log" / "daemon.err").mkdir(parents=True)
    with pytest.raises(LaunchError, match=r"cannot write .*/log/daemon\.err: Is a directory") as caught:
        launch.start(client(short_tmp))
    assert caught.value.code == ExitCode.FAILED
