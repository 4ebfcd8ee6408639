import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from viscript.diagnose.belonging import Belonging
from viscript.keeper.host import home_number
from viscript.keeper.linux import tag_value

HOME = "/some/home"
IDLE = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]


@contextmanager
def idle(*, new_session: bool = False, tag: int | None = None) -> Iterator[int]:
    """The pid of a child that does nothing; with a tag as the keeper sets it."""
    before = resource.getrlimit(resource.RLIMIT_RTTIME)
    if tag is not None:
        resource.setrlimit(resource.RLIMIT_RTTIME, (tag_value(home_number(HOME), tag), before[1]))
    try:
        process = subprocess.Popen(
            IDLE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=new_session
        )
    finally:
        resource.setrlimit(resource.RLIMIT_RTTIME, before)
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.communicate()


def test_a_leader_and_its_children_are_its_own() -> None:
    with idle(new_session=True) as pid:
        assert Belonging(HOME, {pid: 7}).seq_of(pid) == 7
        assert Belonging(HOME, {os.getpid(): 7}).seq_of(pid) == 7


def test_a_member_of_its_session_is_its_own() -> None:
    with idle() as pid:
        assert Belonging(HOME, {os.getsid(0): 7}).seq_of(pid) == 7


def test_a_stranger_is_nobodys() -> None:
    with idle() as pid:
        assert Belonging(HOME, {2**30: 7}).seq_of(pid) is None
    assert Belonging(HOME, {}).seq_of(2**30) is None
    assert Belonging(HOME, {}).seq_of(1) is None


def test_the_mark_of_the_keeper_goes_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with idle(new_session=True, tag=9) as pid:
        belonging = Belonging(HOME, {pid: 7})
        assert belonging.seq_of(pid) == 9
        assert belonging.strays(9) == (pid,)
        assert Belonging("/another/home", {}).seq_of(pid) is None
        monkeypatch.setenv("VISCRIPT_PORTABLE", "1")
        assert belonging.seq_of(pid) == 7
        assert belonging.strays(9) == ()
    assert belonging.strays(9) == ()
