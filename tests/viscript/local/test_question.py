"""A question of a verb on a real terminal: answered, taken back, interrupted."""

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.fake_door import Caller, Line
from tests.support.prompt import command, environ, lab, prompt
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, Terminal
from viscript.local import question
from viscript.local.door import Door
from viscript.local.screen import Screen


def inquire(caller: Caller) -> Iterable[Line]:
    yield {"q": "well? "}
    typed = caller.read_line()
    yield {"o": f"heard {json.dumps(typed)}\n"}
    yield {"q": None}
    yield {"x": 0}


def test_what_is_typed_is_told(short_tmp: Path) -> None:
    with lab(short_tmp) as door:
        door.answers["inquire"] = inquire
        with Terminal(command("inquire"), environ(short_tmp)) as terminal:
            terminal.wait_for("well?")
            terminal.type(f"yes{ENTER}")
            terminal.wait_for('heard {"r": "yes"}')
            assert terminal.wait_for_exit() == 0


def test_the_end_of_the_input_is_told(short_tmp: Path) -> None:
    with lab(short_tmp) as door:
        door.answers["inquire"] = inquire
        with Terminal(command("inquire"), environ(short_tmp)) as terminal:
            terminal.wait_for("well?")
            terminal.type(CTRL_D)
            terminal.wait_for('heard {"r": null}')


def test_a_question_taken_back_is_answered_by_nobody(short_tmp: Path) -> None:
    shown = threading.Event()

    def take_back(caller: Caller) -> Iterable[Line]:
        yield {"q": "well? "}
        assert shown.wait(20)
        yield {"q": None}
        yield {"e": "the other side hung up\n"}
        yield {"x": 1}

    with lab(short_tmp) as door:
        door.answers["inquire"] = take_back
        with Terminal(command("inquire"), environ(short_tmp)) as terminal:
            terminal.wait_for("well?")
            terminal.type("ye")
            shown.set()
            terminal.wait_for("the other side hung up")
            assert terminal.wait_for_exit() == 1


def test_what_was_typed_before_the_question_is_no_answer(short_tmp: Path) -> None:
    typed = threading.Event()

    def late(caller: Caller) -> Iterable[Line]:
        yield {"o": "begun\n"}
        assert typed.wait(20)
        yield from inquire(caller)

    with lab(short_tmp) as door:
        door.answers["inquire"] = late
        with Terminal(command("inquire"), environ(short_tmp)) as terminal:
            terminal.wait_for("begun")
            terminal.type(f"yes{ENTER}")
            terminal.wait_for("yes")
            typed.set()
            terminal.wait_for("well?")
            terminal.type(f"no{ENTER}")
            terminal.wait_for('heard {"r": "no"}')


def test_the_prompt_asks_too(short_tmp: Path) -> None:
    with lab(short_tmp) as door:
        door.answers["inquire"] = inquire
        with prompt(short_tmp) as terminal:
            terminal.type(f"inquire{ENTER}")
            terminal.wait_for("well?")
            terminal.type(f"no{ENTER}")
            terminal.wait_for('heard {"r": "no"}')


def test_ctrl_c_gives_a_question_up(short_tmp: Path) -> None:
    def interrupted(caller: Caller) -> Iterable[Line]:
        yield {"q": "well? "}
        assert caller.read_line() == {"i": 1}
        yield {"q": None}
        yield {"x": 130}

    with lab(short_tmp) as door:
        door.answers["inquire"] = interrupted
        with Terminal(command("inquire"), environ(short_tmp)) as terminal:
            terminal.wait_for("well?")
            terminal.type(CTRL_C)
            assert terminal.wait_for_exit() == 130


def test_a_question_that_was_taken_back_already_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    door = cast("Door", SimpleNamespace(more=True))  # more was said: nothing else of it is looked at
    question.answer(Screen(os.environ), door, "well? ")
    question.answer(Screen(os.environ), door, None)
    assert capfd.readouterr() == ("", "")


def test_without_a_terminal_there_is_nothing_typed_to_forget() -> None:
    read, write = os.pipe()
    kept = os.dup(0)
    try:
        os.dup2(read, 0)
        question._forget_typed()
    finally:
        os.dup2(kept, 0)
        for descriptor in (read, write, kept):
            os.close(descriptor)
