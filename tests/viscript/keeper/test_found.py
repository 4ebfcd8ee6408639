"""What can be told of an app that no journal knows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from viscript.keeper.found import instance_of, later_run, leaders
from viscript.keeper.host import Process
from viscript.keeper.table import Phase

NOW, CLOCK = 1000.0, 5000


def process(
    pid: int, *, sid: int | None = None, tag: int | None = 7, state: str = "S", start: int = 1
) -> Process:
    return Process(pid, 1, pid, pid if sid is None else sid, state, start, tag)


@contextmanager
def waiting(environ: dict[str, str]) -> Iterator[int]:
    """The pid of a program that waits."""
    argv = [sys.executable, "-S", "-c", "print(flush=True); input()", "word"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.kill()


def test_the_oldest_leader_of_a_session_leads_the_app() -> None:
    table = [
        process(10, start=5),
        process(11, start=4),
        process(12, sid=10, start=1),
        process(13, start=1, state="Z"),
        process(14, start=1, tag=8),
        process(15, start=1, tag=None),
    ]
    assert {seq: one.pid for seq, one in leaders({7, 9}, table).items()} == {7: 11}


@pytest.mark.parametrize("given, generation", [("3", 3), ("", 1), ("x", 1), (None, 1)])
def test_its_words_and_its_generation_are_read_of_its_process(given: str | None, generation: int) -> None:
    with waiting({} if given is None else {"VISCRIPT_GENERATION": given}) as pid:
        found = instance_of(7, process(pid, start=CLOCK - os.sysconf("SC_CLK_TCK")), now=NOW, clock=CLOCK)
    assert (found.gen, found.pid, found.session, found.phase) == (generation, pid, pid, Phase.RUNNING)
    assert found.spec.argv[-1] == "word"
    assert found.began == NOW - 1
    assert (found.found, found.ours, found.policy.policy) == (True, False, "never")


def test_of_one_that_is_gone_the_id_is_left() -> None:
    found = instance_of(7, process(1 << 22), now=NOW, clock=CLOCK)
    assert (found.gen, found.name, found.spec.argv) == (1, "7", ("7",))


def test_the_newest_run_after_the_known_one_is_found_by_its_generation() -> None:
    with waiting({"VISCRIPT_GENERATION": "3"}) as third, waiting({"VISCRIPT_GENERATION": "4"}) as fourth:
        mine = [process(third), process(fourth), process(1 << 22), process(os.getpid(), sid=1)]
        assert later_run(2, mine) == (4, process(fourth))
        assert later_run(3, mine) == (4, process(fourth))
        assert later_run(4, mine) is None
