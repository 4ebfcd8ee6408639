"""A program that a daemon names runs in our place."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor, Line
from tests.support.locally import client
from tests.support.prompt import command, environ, lab, prompt
from tests.support.terminal import CTRL_C, ENTER
from viscript.local import inplace
from viscript.local.door import Door

COPY = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]); sys.exit(len(data))"


@pytest.fixture
def door(short_tmp: Path) -> Iterator[FakeDoor]:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        yield door


def program(*words: str) -> list[Line]:
    return [{"p": [sys.executable, "-c", *words]}]


def test_a_command_becomes_the_program_with_its_pipes_and_its_exit_code(
    short_tmp: Path, door: FakeDoor
) -> None:
    door.answers["copy"] = program(COPY)
    done = subprocess.run(
        command("copy"), env=environ(short_tmp), input=b"\0\xffab", capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (4, b"ba\xff\0", b"")


def test_nothing_of_ours_stands_beside_the_program(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["who"] = program("import os; print(os.getpid(), len(os.listdir('/proc/self/fd')))")
    with subprocess.Popen(command("who"), env=environ(short_tmp), stdout=subprocess.PIPE) as process:
        told, _ = process.communicate(timeout=20)
        assert told.split() == [str(process.pid).encode(), b"4"]  # the three, and the listing itself


def test_the_program_has_standard_descriptors_when_the_caller_had_none(
    short_tmp: Path, door: FakeDoor
) -> None:
    door.answers["who"] = program("import os; os.fstat(0); os.fstat(1); os.write(2, b'well')")
    closing = f"exec 0<&- 1>&-; exec {sys.executable} -P -m viscript who"
    done = subprocess.run(["sh", "-c", closing], env=environ(short_tmp), stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"well")


def test_a_program_that_is_not_there_is_told(
    short_tmp: Path, door: FakeDoor, capfd: pytest.CaptureFixture[str]
) -> None:
    door.answers["gone"] = [{"p": ["/nowhere/at/all"]}]
    for mode in ("oneshot", "repl"):
        asker = client(short_tmp)
        asker.mode = mode
        assert asker.run_argv(["gone"]) == inplace.CANNOT_RUN
        assert capfd.readouterr().err == "viscript: cannot run /nowhere/at/all: No such file or directory\n"


@pytest.mark.parametrize("named", [None, "sh", [], [7]])
def test_what_is_no_command_line_is_not_run(
    short_tmp: Path, door: FakeDoor, capfd: pytest.CaptureFixture[str], named: object
) -> None:
    door.answers["odd"] = [{"p": named}]
    assert client(short_tmp).run_argv(["odd"]) == 4
    assert "named no program to run" in capfd.readouterr().err


def test_nobody_runs_what_the_daemon_of_another_user_names(
    short_tmp: Path, door: FakeDoor, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    door.answers["sly"] = program(f"open({str(short_tmp / 'trace')!r}, 'w')")
    monkeypatch.setattr(Door, "owner", lambda self: os.geteuid() + 1)
    assert client(short_tmp).run_argv(["sly"]) == 7
    assert "run by another user" in capfd.readouterr().err
    assert not (short_tmp / "trace").exists()


def test_in_a_sourced_file_the_commands_behind_it_run_too(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["copy"] = program("print('copied', flush=True); raise SystemExit(0)")
    (short_tmp / "file").write_text("alias\ncopy\nla\n")
    done = subprocess.run(
        command("source", str(short_tmp / "file")), env=environ(short_tmp), capture_output=True, check=False
    )
    assert done.stdout.splitlines()[-2:] == [b"copied", b"la done"]


def test_at_the_prompt_it_has_the_terminal_and_ctrl_c_ends_it_alone(short_tmp: Path) -> None:
    asking = "import sys, time; print('name?', flush=True); print('hi', input(), flush=True); time.sleep(600)"
    with lab(short_tmp) as door:
        door.answers["greet"] = program(asking)
        with prompt(short_tmp) as terminal:
            terminal.type(f"greet{ENTER}")
            terminal.wait_for("name?")
            terminal.type(f"joe{ENTER}")
            terminal.wait_for("hi joe")
            terminal.type(CTRL_C)
            terminal.wait_for_input("viscript>")
            terminal.type(f"la{ENTER}")
            terminal.wait_for("la done")
        assert json.dumps(["greet"]) in map(json.dumps, door.asked())
