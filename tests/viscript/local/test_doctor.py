"""What is wrong with this home."""

import json
import os
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client, run
from viscript.home import find_home, make_home


def findings(capfd: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in json.loads(capfd.readouterr().out)}


@pytest.fixture
def home(short_tmp: Path) -> Path:
    make_home(find_home({"VISCRIPT_HOME": str(short_tmp)}))
    return short_tmp


def test_a_running_daemon_and_keeper_pass(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(status)}, {"x": 0}]
        assert run(client(home), "doctor", "-o", "json") == 0
    found = findings(capfd)
    assert found["daemon"]["status"] == found["keeper"]["status"] == "pass"


def test_a_dead_keeper_fails(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": '{"pid": 1, "keeper_pid": 4194305}'}, {"x": 0}]
        assert run(client(home), "doctor", "-o", "json") == 1
    assert findings(capfd)["keeper"]["status"] == "fail"


def test_a_daemon_that_answers_with_an_error_fails(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"e": "broken\n"}, {"x": 1}]
        assert run(client(home), "doctor", "-o", "json") == 1
    assert "broken" in findings(capfd)["daemon"]["text"]


def test_no_daemon_is_worth_a_word_but_no_fault(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(home), "doctor") == 0
    assert "viscript daemon --detach" in capfd.readouterr().out


def test_a_home_that_others_may_write_to_fails(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "run").chmod(0o777)
    assert run(client(home), "doctor", "-o", "json") == 1
    assert "chmod" in findings(capfd)["home"]["fix"]


def test_a_home_that_is_not_made_yet_is_fine(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(short_tmp / "later"), "doctor", "-o", "json") == 0
    found = findings(capfd)
    assert found["home"]["status"] == "pass"
    assert {row["status"] for row in found.values()} <= {"pass", "warn", "fail"}
