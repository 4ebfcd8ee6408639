"""The prompt's own verbs."""

from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client, run


def test_terms_are_opened_listed_focused_and_closed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    at_prompt = client(tmp_path, session=True)
    assert at_prompt.session is not None
    assert [run(at_prompt, *argv) for argv in (["nt"], ["new_term", "web"], ["foc", "2"], ["u", "7"])] == [
        0,
        0,
        0,
        0,
    ]
    assert at_prompt.session.prompt() == "viscript 2(7)> "
    capfd.readouterr()
    assert run(at_prompt, "lt") == 0
    assert capfd.readouterr().out == "  1  -\n* 2  7\n  3  web\n"
    assert run(at_prompt, "ct") == 0
    assert run(at_prompt, "use") == 0
    assert at_prompt.session.focused == 1
    assert run(at_prompt, "focus", "9") == 5
    assert run(at_prompt, "close_term", "x") == 5


@pytest.mark.parametrize("argv", [["lt"], ["nt"], ["ct"], ["foc", "1"], ["use", "7"]])
def test_outside_the_prompt_they_are_a_usage_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    assert run(client(tmp_path), *argv) == 2
    assert "at the prompt" in capfd.readouterr().err


def test_quit_outside_the_prompt_does_only_what_else_was_asked(short_tmp: Path) -> None:
    assert run(client(short_tmp), "quit") == 0
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        assert run(client(short_tmp), "quit", "--stop-all") == 0
        assert door.asked() == [["daemon", "stop", "--stop-all"]]


def test_clear_writes_nothing_into_a_pipe(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path), "clear") == 0
    assert capfd.readouterr().out == ""


def test_commands_run_on_the_host_in_use(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    at_prompt = client(short_tmp, session=True)
    assert at_prompt.session is not None
    with FakeDoor(at_prompt.home.verbs_socket) as door:
        door.answers["hosts"] = [{"o": '[{"label": "m1"}, {"label": "m2"}, 7]'}, {"x": 0}]
        assert run(at_prompt, "use", "m2/") == 0
        assert at_prompt.session.prompt() == "viscript(m2/)> "
        assert at_prompt.request({"argv": ["la"]})["host"] == "m2"
        assert run(at_prompt, "use", "web") == 0
        assert at_prompt.session.prompt() == "viscript(m2/web)> "
        assert run(at_prompt, "use", "m1") == 0
        assert at_prompt.session.prompt() == "viscript(m1/)> "
        assert run(at_prompt, "use", "m9/") == 5
        assert run(at_prompt, "use", "m1/7") == 0
        assert run(at_prompt, "use") == 0
        assert at_prompt.session.prompt() == "viscript> "
        assert {request["host"] for request in door.requests} == {""}
    told = capfd.readouterr()
    assert "commands that name no host run on m2" in told.out
    assert "commands run on this host again" in told.out
    assert 'no host "m9" is known here' in told.err


def test_without_a_daemon_a_word_is_a_target(tmp_path: Path) -> None:
    at_prompt = client(tmp_path, session=True)
    assert at_prompt.session is not None
    assert run(at_prompt, "use", "web") == 0
    assert at_prompt.session.term.target == "web"
