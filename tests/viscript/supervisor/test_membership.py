"""Whose process is it? Asked about real families."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.wait import eventually
from viscript.supervisor import membership
from viscript.supervisor.membership import Kin, descends, kin

CHILD = "import os; print(os.getpid(), flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {CHILD!r}])"

LEFT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {CHILD!r}])"
LEAVER = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {LEFT!r}]); sys.stdin.read()"


@contextmanager
def family(code: str, *, session: bool = False) -> Iterator[tuple[int, int]]:
    """The pids of a leader and of what it started; both end with their stdin."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=session,
    ) as leader:
        assert leader.stdout is not None
        yield leader.pid, int(leader.stdout.readline())


def test_the_leader_and_its_children_belong_to_it() -> None:
    with family(PARENT) as (leader, child):
        assert descends(leader, leader)
        assert descends(child, leader)
        assert descends(child, os.getpid())


def test_a_stranger_does_not() -> None:
    with family(PARENT) as (leader, _), family(CHILD) as (other, _):
        assert not descends(other, leader)
        assert not descends(os.getpid(), leader)


def test_one_whose_parent_ended_is_known_by_its_session() -> None:
    with family(LEAVER, session=True) as (leader, child):
        eventually(lambda: (family_of := kin(child)) is not None and family_of.parent != leader)
        assert descends(child, leader)


def test_a_process_that_is_gone_belongs_to_nobody() -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    assert kin(gone.pid) is None
    assert not descends(gone.pid, os.getpid())
    assert not descends(0, os.getpid())


def test_a_name_with_brackets_does_not_confuse_it() -> None:
    code = f"import pathlib; pathlib.Path('/proc/self/comm').write_text(') Z 1 ('); {CHILD}"
    with family(code) as (leader, _):
        assert kin(leader) == Kin(parent=os.getpid(), session=os.getsid(0))


def test_looking_upwards_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    circle = {pid: Kin(parent=pid + 1, session=0) for pid in range(100, 1000)}
    monkeypatch.setattr(membership, "kin", circle.get)
    assert descends(100, 100 + membership.FURTHEST - 1)
    assert not descends(100, 100 + membership.FURTHEST + 1)
