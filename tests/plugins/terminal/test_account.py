"""Whose shell it is, and what a session finds in its environment."""

import pwd
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.terminal import account
from plugins.terminal.account import Account, environment

MIKE = Account("mike", "/home/mike", "/bin/bash")
PEER = "ab" * 32


def test_it_is_the_user_who_runs_the_app() -> None:
    mine = account.mine()
    assert mine.user == pwd.getpwuid(0).pw_name or mine.user
    assert mine.home.startswith("/")
    assert mine.shell.startswith("/")


def test_a_user_without_an_entry_or_a_shell_gets_the_plainest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setenv("HOME", "/somewhere")
    assert account.mine().shell == "/bin/sh"
    assert account.mine().home == "/somewhere"
    entry = pwd.struct_passwd(("mike", "x", 7, 7, "", "/nonexistent", "/nonexistent/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda number: entry)
    assert account.mine() == Account("mike", "/", "/bin/sh")


def test_without_a_command_it_is_a_login_shell() -> None:
    assert MIKE.argv(None) == ["-bash"]
    assert MIKE.argv("ls -l") == ["bash", "-c", "ls -l"]


def test_what_the_app_was_told_stays_with_the_app() -> None:
    own = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "VISCRIPT_TOKEN_FD": "50",
        "VISCRIPT_ENDPOINT": "ipc:///x",
        "VISCRIPT_IDENTITY": "/home/mike/keys/identity",
        "VISCRIPT_SETTINGS": "{}",
        "VISCRIPT_STATE": "/h/state/terminal",
        "VISCRIPT_SEQ": "7",
        "SIGNAL_SERVER_ADDRESS": "ipc:///x",
        "AWS_SECRET": "s",
    }
    assert environment(own, MIKE, {}, PEER, term=None) == {
        "PATH": f"/bin:{Path(sys.executable).parent}",
        "LC_ALL": "C.UTF-8",
        "VISCRIPT_SEQ": "7",  # by which the keeper knows what is left of an app
        "VISCRIPT_HOME": "/h",
        "VISCRIPT_PEER": PEER,
        "HOME": "/home/mike",
        "USER": "mike",
        "LOGNAME": "mike",
        "SHELL": "/bin/bash",
    }


@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "PATH", "HOME", "BASH_ENV", "PYTHONPATH", "LC_ALL\n", "LC_", "TERM", "VISCRIPT_PEER"],
)
def test_a_client_sets_nothing_but_words_about_language(name: str) -> None:
    made = environment({"PATH": "/bin"}, MIKE, {name: "evil"}, PEER, term=None)
    assert "evil" not in made.values()


def test_the_command_of_this_program_is_found_once() -> None:
    folder = str(Path(sys.executable).parent)
    assert environment({"PATH": f"{folder}:/bin"}, MIKE, {}, PEER, term=None)["PATH"] == f"{folder}:/bin"
    assert environment({}, MIKE, {}, PEER, term=None)["PATH"].endswith(f":{folder}")


def test_words_about_language_pass_when_they_are_plain() -> None:
    asked = {"LANG": "de_DE.UTF-8", "LC_TIME": "C", "COLORTERM": "a\x1b[2J", "LC_CTYPE": "x" * 257}
    made = environment({"LANG": "C"}, MIKE, asked, PEER, term="xterm-256color")
    assert (made["LANG"], made["LC_TIME"], made["TERM"]) == ("de_DE.UTF-8", "C", "xterm-256color")
    assert "COLORTERM" not in made
    assert "LC_CTYPE" not in made


@given(st.dictionaries(st.text(), st.text()), st.text())
def test_whatever_a_client_asks_for_can_be_an_environment(asked: dict[str, str], term: str) -> None:
    made = environment({}, MIKE, asked, PEER, term=term)
    for name, text in made.items():
        assert "\0" not in name + text
        assert "=" not in name
        assert name.isprintable()
        assert text.isprintable()
