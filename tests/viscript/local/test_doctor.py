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


def test_what_is_wrong_with_plugins_is_told(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    checks = [{"check": "plugin mesh", "status": "fail", "text": "unknown key", "fix": "mend it"}]
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(status)}, {"x": 0}]
        door.answers["plugins"] = [{"o": json.dumps(checks)}, {"x": 1}]
        assert run(client(home), "doctor", "-o", "json") == 1
    assert findings(capfd)["plugin mesh"] == checks[0]


def test_a_daemon_that_hangs_up_on_that_question_is_told(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(status)}, {"x": 0}]
        door.answers["plugins"] = []
        assert run(client(home), "doctor", "-o", "json") == 1
    assert findings(capfd)["plugins"]["status"] == "fail"


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


STORE = {
    "store": "etcd://a,b",
    "text": "etcd, 1 of 2 members answer",
    "members": [
        {"member": "a:2379", "ok": True, "text": "leader"},
        {"member": "b:2379", "ok": False, "text": "gone"},
    ],
}


@pytest.mark.parametrize("ok, code, status", [(True, 0, "pass"), (False, 1, "fail")])
def test_the_state_store_is_told_with_its_members(
    home: Path, capfd: pytest.CaptureFixture[str], ok: bool, code: int, status: str
) -> None:
    facts = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(facts)}, {"x": 0}]
        door.answers["store"] = [{"o": json.dumps({**STORE, "ok": ok})}, {"x": 0 if ok else 1}]
        assert run(client(home), "doctor", "-o", "json") == code
    found = findings(capfd)
    assert (found["state store"]["status"], bool(found["state store"]["fix"])) == (status, not ok)
    assert (found["store a:2379"]["status"], found["store b:2379"]["status"]) == ("pass", "warn")


def test_a_daemon_that_knows_no_state_store_has_no_such_check(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(facts)}, {"x": 0}]
        door.answers["store"] = [{"e": "unknown verb\n"}, {"x": 2}]
        assert run(client(home), "doctor", "-o", "json") == 0
    assert "state store" not in findings(capfd)


def test_a_daemon_that_falls_silent_over_its_store_is_worth_a_word(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = {"pid": os.getpid(), "keeper_pid": os.getpid(), "version": "1"}
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": json.dumps(facts)}, {"x": 0}]
        door.answers["store"] = []
        assert run(client(home), "doctor", "-o", "json") == 0
    assert findings(capfd)["state store"]["status"] == "warn"
