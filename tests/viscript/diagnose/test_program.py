import os
from pathlib import Path

import pytest

from tests.support.fake_world import instance
from viscript.diagnose.program import missing_interpreter, unusable
from viscript.supervisor.api import Instance


def running(path: Path) -> Instance:
    return instance(7, "app", argv=(str(path),))


def test_a_script_names_the_interpreter_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/python3 -u\n")
    assert missing_interpreter(running(script)) == "/no/such/python3"
    script.write_bytes(b"#!/bin/sh\r\necho\r\n")
    assert missing_interpreter(running(script)) == "/bin/sh with a carriage return behind it"
    script.write_bytes(b"#! /no/sh -e\r\necho\r\n")
    assert missing_interpreter(running(script)) == "/no/sh"


def test_a_program_without_that_line_lacks_none(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF", b"echo", b"#!/bin/sh\n", b"#!", b"#!\0"):
        program = tmp_path / "program"
        program.write_bytes(content)
        assert missing_interpreter(running(program)) is None
    assert missing_interpreter(running(tmp_path / "none")) is None


def test_the_first_folder_that_may_not_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    program = running(closed / "inner" / "program")
    assert unusable(program) is None
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed)  # root may enter every folder
    assert unusable(program) == str(closed)
    assert unusable(running(tmp_path / "none" / "program")) is None


def test_a_program_that_is_a_pipe_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert missing_interpreter(running(tmp_path / "pipe")) is None
