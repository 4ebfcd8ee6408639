"""Processes of a home are found by its path, whatever else they did, and ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from viscript.prove import strays

Start = Callable[..., psutil.Process]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*more: str, env: dict[str, str] | None = None) -> psutil.Process:
        text = "import time; print(flush=True); time.sleep(60)"
        argv = [sys.executable, "-S", "-c", text, *more]
        child = subprocess.Popen(argv, env=env or {}, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return psutil.Process(child.pid)

    yield start
    for child in started:
        child.kill()
        child.communicate()


def test_a_path_in_the_command_line_or_the_environment_tells(start: Start, tmp_path: Path) -> None:
    root = str(tmp_path)
    by_line, by_environment = start(f"--home={root}"), start(env={"ANY": f"{root}/x"})
    start("--home=elsewhere")
    assert {p.pid for p in strays.processes_of(root)} == {by_line.pid, by_environment.pid}


def test_nobody_finds_himself() -> None:
    assert os.getpid() not in {p.pid for p in strays.processes_of(sys.executable)}


def test_what_was_ended_is_gone_and_ending_it_again_is_fine(start: Start, tmp_path: Path) -> None:
    process = start(str(tmp_path))
    strays.end([process])
    strays.end([process])
    assert strays.processes_of(str(tmp_path)) == []


def test_a_dead_process_that_nobody_buries_is_not_waited_for(start: Start) -> None:
    process = start()
    begin = time.monotonic()
    strays.end([process])  # its parent, this test, has not waited for it
    assert time.monotonic() - begin < 5
    assert process.status() == psutil.STATUS_ZOMBIE


def test_a_module_is_told_by_its_own_word(start: Start) -> None:
    assert strays.is_module(start("viscript.daemon"), "viscript.daemon")
    gone = start("viscript.daemon.x")
    assert not strays.is_module(gone, "viscript.daemon")
    strays.end([gone])
    assert not strays.is_module(gone, "viscript.daemon.x")


def test_a_process_is_described_by_pid_and_program(start: Start) -> None:
    process = start()
    assert strays.described([process]).startswith(f"pid {process.pid} (python")
    assert strays.described([]) == ""
