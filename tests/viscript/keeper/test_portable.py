"""The host seam without anything that only one system has."""

import errno
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.drain import LostError, copy
from viscript.keeper.policy import Exit
from viscript.keeper.portable import Portable, processes_from

ROWS = """\
    1     0     1 Ss   Sat Nov 21 08:27:01 2026
  812     1   812 Zs   Sat Nov 21 08:41:59 2026
  x y z
  813   812   812 R+   Sat Nov 99 08:41:59 2026
"""


def test_rows_are_read_and_others_passed_over() -> None:
    found = processes_from(ROWS)
    assert [(row.pid, row.ppid, row.pgid, row.state) for row in found] == [(1, 0, 1, "S"), (812, 1, 812, "Z")]
    assert found[1].start - found[0].start == 898


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    processes_from(text)


def test_a_process_is_seen_signalled_and_missed() -> None:
    host = Portable()
    process = subprocess.Popen(["/bin/sleep", "60"])
    start = host.start_of(process.pid)
    assert start is not None
    assert abs(start - host.start_clock()) <= 2
    assert host.is_alive(process.pid, start)
    assert not host.is_alive(process.pid, start - 100)
    assert process.pid in {row.pid for row in host.scan()}
    assert host.exit_of(process.pid, start, None) is None
    assert not host.send(process.pid, start - 100, 9)
    assert host.send(process.pid, start, 9)
    process.wait()
    assert host.exit_of(process.pid, start, None) == Exit()
    assert not host.send(process.pid, None, 9)
    assert host.start_of(process.pid) is None


def test_it_signals_neither_init_nor_itself() -> None:
    assert not Portable().send(1, None, 0)
    assert not Portable().send(os.getpid(), None, 0)


def test_it_promises_nothing_it_cannot_do() -> None:
    host = Portable()
    host.set_tag(7)
    host.clear_tag()
    host.become_parent_of_orphans()
    assert (host.tag_of(1), host.children(), host.watch(1), host.lone(1)) == (None, None, None, None)
    assert not host.tags


def test_a_copy_that_fails_says_how_much_it_lost() -> None:
    read, write = os.pipe()
    os.write(write, b"12345")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(LostError) as caught:
        copy(read, full.fileno(), 0, 100)
    assert (caught.value.errno, caught.value.lost) == (errno.ENOSPC, 5)
    os.close(read)
    os.close(write)


def test_a_copy_goes_where_it_is_told(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"12345")
    path = tmp_path / "file"
    with path.open("wb") as file:
        assert Portable().move(read, file.fileno(), 3, 100) == 5
    assert path.read_bytes() == b"\0\0\0" + b"12345"
    os.close(read)
    os.close(write)
