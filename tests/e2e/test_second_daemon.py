"""Promise: one daemon a home. A second one refuses and says whom it found; a stale lock stops nobody."""

import os
import re
import signal
import subprocess

import pytest

from tests.support.home import ScratchHome
from tests.support.pace import quickest
from tests.support.programs import SLEEP, config, pids


def test_a_second_daemon_names_pid_config_and_uptime_of_the_first(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(config({"nap": {**SLEEP, "autostart": True}}))
    before = pids(scratch_home)
    other = scratch_home.root / "other.yaml"
    other.write_text("apps: {}\n")
    for argv in (["daemon"], ["daemon", "--detach"], ["daemon", "--detach", "--config", str(other)]):
        second = scratch_home.viscript(*argv)
        assert second.code == 1
        assert f"pid {pid}" in second.err
        assert str(scratch_home.root / "config.yaml") in second.err
        assert re.search(r"\d(\.\d)? ?(ms|s)\b", second.err)
        assert "Traceback" not in second.err
    assert scratch_home.daemon_pid() == pid
    assert pids(scratch_home) == before


def test_two_at_the_same_moment_leave_one(scratch_home: ScratchHome) -> None:
    file = scratch_home.write_config(config({}))
    argv = scratch_home.command("daemon", "--detach", "--config", str(file))
    quiet = subprocess.DEVNULL
    both = [subprocess.Popen(argv, env=scratch_home.environ, stdout=quiet, stderr=quiet) for _ in range(2)]
    assert {one.wait(30) for one in both} <= {0, 1}
    running = [p for p in scratch_home.processes() if "viscript.daemon" in p.cmdline()]
    assert len(running) == 1


def test_what_a_killed_daemon_left_behind_stops_nobody(scratch_home: ScratchHome) -> None:
    first = scratch_home.start_daemon(config({}))
    scratch_home.viscript("daemon", "stop", "--stop-all").ok()
    run = scratch_home.root / "run"
    stale = {"pid": first, "config": "/gone.yaml"}
    (run / "daemon.json").write_text(str(stale))  # not even JSON
    (scratch_home.root / "daemon.lock").write_text(f"{first}\n")
    (run / "verbs.sock").unlink(missing_ok=True)
    os.mkfifo(run / "verbs.sock")
    assert scratch_home.start_daemon(scratch_home.root / "config.yaml") != first
    scratch_home.viscript("la").ok()


def test_a_lock_that_names_a_stranger_who_lives_is_stale_too(scratch_home: ScratchHome) -> None:
    (scratch_home.root / "daemon.lock").write_text(f"{os.getpid()}\n")
    scratch_home.start_daemon(config({}))
    scratch_home.viscript("la").ok()


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_a_frozen_daemon_is_named_with_what_to_do(
    scratch_home: ScratchHome, options: tuple[str, ...]
) -> None:
    pid = scratch_home.start_daemon(config({"nap": {**SLEEP, "autostart": True}}))
    os.kill(pid, signal.SIGSTOP)
    (second, took) = quickest(lambda: scratch_home.viscript("daemon", *options), 2.0)
    os.kill(pid, signal.SIGCONT)
    assert (second.code, took < 2.0) == (1, True)
    assert f"does not answer, since it is stopped: pid {pid}" in second.err
    assert f"kill -CONT {pid}" in second.err
    scratch_home.viscript("la").ok()
