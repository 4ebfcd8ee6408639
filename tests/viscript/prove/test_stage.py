"""The stage: a home of its own, bounded waiting, and nothing left after it."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.prove import SMALL, PlayedStage, event, row
from viscript.prove import strays
from viscript.prove.asking import Said
from viscript.prove.stage import DAEMON, KEEPER, PLUGIN_HOST, Stage
from viscript.prove.verdict import BrokenPromise


def stage(root: Path, limit_s: float = 5.0) -> Stage:
    return Stage(root, SMALL, limit_s)


def test_what_the_user_has_set_for_his_own_home_does_not_reach_it(tmp_path: Path) -> None:
    own = {"VISCRIPT_HOME": "/mine", "VISCRIPT_CONFIG": "/mine.yaml", "XDG_RUNTIME_DIR": "/run/user/1"}
    assert Stage(tmp_path / "h", SMALL, 5.0, {**own, "PATH": "/bin"}).environ == {
        "PATH": "/bin",
        "VISCRIPT_HOME": str(tmp_path / "h"),
    }


def test_the_configuration_is_written_and_is_yaml(tmp_path: Path) -> None:
    file = stage(tmp_path / "h").configure({"a": {"command": ["true"]}}, settings={"runHeadless": True})
    assert json.loads(file.read_text()) == {
        "apps": {"a": {"command": ["true"]}},
        "settings": {"runHeadless": True},
    }


def test_until_gives_the_first_true_answer(tmp_path: Path) -> None:
    answers = iter([0, 0, 7])
    assert stage(tmp_path).until(lambda: next(answers), "seven") == 7


def test_until_ends_at_its_own_bound(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match=r"not within 0.01 s: pigs fly"):
        stage(tmp_path).until(lambda: False, "pigs fly", 0.01)


def test_until_ends_with_the_trial(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(BrokenPromise, match=r"longer than 0.05 s, waiting until pigs fly"):
        stage(tmp_path, 0.05).until(lambda: False, "pigs fly", 60)
    assert time.monotonic() - begin < 5


def test_nothing_is_asked_after_the_end(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match="longer than 0 s"):
        stage(tmp_path, 0).left()


def test_a_daemon_that_is_away_does_not_answer(tmp_path: Path) -> None:
    away = stage(tmp_path / "h")
    assert not away.answers()
    with pytest.raises(BrokenPromise, match="cannot be asked: No such file"):
        away.ask("la")


def test_a_verb_that_must_succeed_says_how_it_failed(tmp_path: Path) -> None:
    played = PlayedStage(tmp_path)
    played.answers_to["sd 7"] = Said(5, "", "viscript: no such id: 7\n")
    with pytest.raises(BrokenPromise, match="`sd 7` ended with 5: viscript: no such id: 7"):
        played.done("sd", "7")


def test_rows_pids_and_events_are_those_of_the_verbs(tmp_path: Path) -> None:
    played = PlayedStage(tmp_path)
    played.listed = [row(1), row(2, pid=None)]
    played.told = [event("app.exited", 1.0, 1), event("app.exited", 2.0, 2), event("app.starting", 3.0, 2)]
    assert played.pids() == {1: 101}
    assert [one["time"] for one in played.events("app.exited", 2)] == [2.0]
    assert len(played.events()) == 3
    with pytest.raises(BrokenPromise, match="id 3 is not listed"):
        played.row(3)


def test_output_is_all_segments_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "3-talker"
    folder.mkdir(parents=True)
    for offset, text in ((0, "one "), (4, "two")):
        (folder / f"{offset:020}.log").write_text(text)
        (folder / f"{offset:020}.idx").write_text("index")
    (folder / "current.log").symlink_to(folder / f"{4:020}.log")
    assert stage(tmp_path).output("talker") == b"one two"
    assert stage(tmp_path).output("nobody") == b""


def test_a_daemon_that_does_not_come_up_is_told_with_its_words(tmp_path: Path) -> None:
    bad = stage(tmp_path / "h", 30)
    with pytest.raises(BrokenPromise, match=r"(?s)did not start: .*unknown key"):
        bad.open({"a": {"comand": ["true"]}})
    bad.close()


def test_close_ends_what_names_the_home_and_removes_it(tmp_path: Path) -> None:
    root = tmp_path / "h"
    closing = stage(root)
    closing.configure({})
    argv = [sys.executable, "-S", "-c", "import time; print(flush=True); time.sleep(60)", str(root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert [process.pid for process in closing.app_processes()] == [child.pid]
        closing.close()
        assert child.wait(0) == -9
    assert not root.exists()


def test_a_plugin_that_is_installed_here_is_no_app_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = stage(tmp_path)
    modules = (DAEMON, KEEPER, PLUGIN_HOST, "time")
    found = [
        SimpleNamespace(pid=pid, cmdline=lambda module=module: ["-m", module])
        for pid, module in enumerate(modules, 1)
    ]
    monkeypatch.setattr(home, "processes", lambda: found)
    assert [process.pid for process in home.app_processes()] == [4]


def test_close_goes_on_until_nothing_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that sees its keeper die starts the next one, and the other way round."""
    closing = stage(tmp_path / "h")
    looks = [[1], [2], [3], []]
    ended: list[int] = []
    monkeypatch.setattr(closing, "processes", lambda: looks.pop(0))
    monkeypatch.setattr(strays, "end", ended.extend)
    closing.close()
    assert ended == [1, 2, 3]
