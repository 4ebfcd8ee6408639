"""Linux: tags, scans, pidfds."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.wait import eventually
from viscript.keeper.linux import Linux, limit_in, seq_of, tag_value
from viscript.keeper.policy import Exit

HOMES = st.integers(0, (1 << 20) - 1)
SEQS = st.integers(0, (1 << 40) - 1)


@given(HOMES, SEQS)
def test_a_tag_names_its_app(home: int, seq: int) -> None:
    assert seq_of(tag_value(home, seq), home) == seq
    assert tag_value(home, seq) < resource.RLIM_INFINITY % (1 << 64)


@given(HOMES, HOMES, SEQS)
def test_a_tag_of_another_home_names_nobody(home: int, other: int, seq: int) -> None:
    if home != other:
        assert seq_of(tag_value(other, seq), home) is None


@given(st.integers(0, (1 << 60) - 1), HOMES)
def test_a_limit_that_somebody_set_is_no_tag(limit: int, home: int) -> None:
    assert seq_of(limit, home) is None


@given(st.binary())
def test_any_text_of_limits_is_read(text: bytes) -> None:
    assert limit_in(text) is None
    limit_in(b"Max realtime timeout" + text)


def test_a_descendant_carries_the_tag_through_an_empty_environment_and_a_new_session() -> None:
    host = Linux(77)
    host.set_tag(4711)
    try:
        process = subprocess.Popen(["/usr/bin/env", "-i", "/usr/bin/setsid", "/bin/sleep", "60"])
    finally:
        host.clear_tag()
    try:
        eventually(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
        assert host.tag_of(process.pid) == 4711
        assert [found.pid for found in host.scan() if found.tag == 4711] == [process.pid]
        assert host.tag_of(os.getpid()) is None
    finally:
        process.kill()
        process.wait()


def test_a_keeper_started_from_within_an_app_of_its_home_is_not_of_it() -> None:
    code = "import os; from viscript.keeper.linux import Linux; print(Linux(77).tag_of(os.getpid()))"
    host = Linux(77)
    host.set_tag(5)
    try:
        process = subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    finally:
        host.clear_tag()
    assert process.communicate()[0] == b"None\n"


ROOT = Path(__file__).parents[3]


def test_the_clock_says_what_the_kernel_will_show() -> None:
    host = Linux(1)
    before = host.start_clock()
    process = subprocess.Popen(["/bin/true"])
    after = host.start_clock()
    start = host.start_of(process.pid)
    process.wait()
    assert start is not None
    assert before <= start <= after


def test_a_signal_goes_to_that_very_process_only() -> None:
    host = Linux(1)
    process = subprocess.Popen(["/bin/sleep", "60"])
    start = host.start_of(process.pid)
    assert start is not None
    assert not host.send(process.pid, start + 1, signal.SIGKILL)
    assert host.send(process.pid, start, signal.SIGKILL)
    assert process.wait() == -9
    assert not host.send(process.pid, start, signal.SIGKILL)
    assert not host.send(1, None, 0)
    assert not host.send(os.getpid(), None, 0)


def test_a_zombie_tells_its_exit_and_does_not_live() -> None:
    host = Linux(1)
    process = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(37)"])
    start = host.start_of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert host.exit_of(process.pid, start, None) == Exit(code=37)
    assert not host.is_alive(process.pid, start)
    process.wait()


def test_one_that_was_reaped_tells_its_exit_through_its_pidfd_or_not_at_all() -> None:
    host = Linux(1)
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    start, watcher = host.start_of(process.pid), host.watch(process.pid)
    assert watcher is not None
    assert host.exit_of(process.pid, start, watcher) is None
    process.kill()
    process.wait()
    assert host.exit_of(process.pid, start, watcher) in (Exit(signal=9), Exit())
    os.close(watcher)
    assert host.exit_of(process.pid, start, None) == Exit()


def test_a_lone_process_is_told_from_one_with_threads_or_children() -> None:
    host = Linux(1)
    code = {
        "alone": "import sys; print(1, flush=True); sys.stdin.read()",
        "threads": (
            "import sys,threading; threading.Thread(target=sys.stdin.read).start(); print(1, flush=True)"
        ),
        "child": "import os,sys; p=os.fork(); print(1, flush=True); sys.stdin.read()",
    }
    for name, text in code.items():
        argv = [sys.executable, "-S", "-c", text]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            lone = host.lone(process.pid)
            assert (lone is not None) == (name == "alone"), name
            process.communicate(b"")


def test_a_process_that_is_gone_is_nothing() -> None:
    host = Linux(1)
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    assert host.start_of(process.pid) is None
    assert host.watch(process.pid) is None
    assert host.lone(process.pid) is None
    assert host.tag_of(process.pid) is None


def test_a_group_lives_as_long_as_a_member() -> None:
    host = Linux(1)
    process = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    assert host.group_lives(process.pid)
    process.kill()
    process.wait()
    assert not host.group_lives(process.pid)


def test_the_world_is_this_boot_and_this_namespace() -> None:
    boot, namespace = Linux(1).identity().split(" ")
    assert len(boot) == 36
    assert namespace.startswith("pid:[")


@pytest.mark.parametrize("count", [1, 3])
def test_children_of_the_first_thread_are_listed(count: int) -> None:
    host = Linux(1)
    before = host.children()
    assert before is not None
    processes = [subprocess.Popen(["/bin/sleep", "60"]) for _ in range(count)]
    found = host.children()
    assert found is not None
    assert found - before == {process.pid for process in processes}
    for process in processes:
        process.kill()
        process.wait()
