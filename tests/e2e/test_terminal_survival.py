"""An app with a terminal lives through a killed keeper: the daemon held the terminal for it."""

import psutil

from tests.support.home import ScratchHome
from tests.support.wait import eventually

CONFIG = "apps: {sh: {command: [sh, -i], tty: true, stop: {signal: HUP}}}"


def state(home: ScratchHome) -> dict[str, object]:
    row: dict[str, object] = home.viscript("la", "-a", "-o", "json").ok().json()[0]
    return row


def test_a_terminal_app_outlives_its_keeper_and_still_reads_and_writes(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(CONFIG)
    scratch_home.viscript("s", "sh").ok()
    before = state(scratch_home)
    scratch_home.viscript("send", "1", "echo one-$((1+1))").ok()
    eventually(lambda: "one-2" in scratch_home.viscript("log", "1").out)
    old = scratch_home.kill_keeper()
    eventually(lambda: scratch_home.keeper_pid() != old)
    scratch_home.viscript("send", "1", "echo two-$((1+1))").ok()
    eventually(lambda: "two-2" in scratch_home.viscript("log", "1").out)
    assert state(scratch_home)["pid"] == before["pid"]


def test_a_terminal_app_outlives_its_daemon(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(CONFIG)
    scratch_home.viscript("s", "sh").ok()
    pid = state(scratch_home)["pid"]
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert state(scratch_home)["pid"] == pid
    assert isinstance(pid, int)
    assert psutil.pid_exists(pid)
