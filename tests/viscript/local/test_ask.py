"""Asking the daemon for our own use."""

from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor, Line
from tests.support.locally import client
from viscript.errors import ExitCode
from viscript.local.ask import Answer, ask
from viscript.local.client import Client
from viscript.local.door import DoorError


def test_an_answer_is_kept_and_not_shown(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["la"] = [{"o": '[{"id"'}, {"o": ": 7}]"}, {"e": "note"}, {"x": 3}]
        answer = ask(Client({"VISCRIPT_HOME": str(short_tmp)}), ["la"])
    assert answer == Answer(3, '[{"id": 7}]', "note")
    assert answer.json() == [{"id": 7}]
    assert capfd.readouterr() == ("", "")


def test_an_answer_without_a_code_is_none(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["la"] = [{"o": "half"}]
        with pytest.raises(DoorError) as error:
            ask(Client({"VISCRIPT_HOME": str(short_tmp)}), ["la"])
    assert error.value.code is ExitCode.UNREACHABLE


def test_what_is_no_json_gives_none() -> None:
    assert Answer(0, "ID  NAME", "").json() is None


@pytest.mark.parametrize("last", [{"p": ["/bin/true"]}, {"a": {"id": 7}}])
def test_a_verb_that_wants_the_terminal_cannot_be_asked(short_tmp: Path, last: Line) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["mesh"] = [last]
        with pytest.raises(DoorError, match="mesh nc needs a command of its own") as error:
            ask(client(short_tmp), ["mesh", "nc", "mike", "7"])
    assert error.value.code is ExitCode.USAGE
