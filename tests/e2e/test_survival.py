"""The daemon may die; the apps may not. Real programs, real kills."""

import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.logged import assert_complete, logged
from tests.support.wait import eventually

LINES = Path(__file__).parent / "programs" / "lines.py"
WRITER = f"{{command: [{sys.executable}, {LINES}, '0', '0.0005']}}"


def listed(home: ScratchHome) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in home.viscript("la", "-a", "-o", "json").ok().json()}


def log_folder(home: ScratchHome, seq: int, name: str) -> Path:
    return home.root / "logs" / f"{seq}-{name}"


def answers(home: ScratchHome) -> bool:
    return home.viscript("la").code == 0


def test_apps_live_through_a_killed_daemon_with_their_ids_and_pids(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {s: {command: [sleep, '1000']}}")
    scratch_home.viscript("s", "s", "--no-wait").ok()
    scratch_home.viscript("s", "s", "--no-wait").ok()
    before = {seq: row["pid"] for seq, row in listed(scratch_home).items()}
    scratch_home.kill_daemon()
    eventually(lambda: answers(scratch_home))
    assert {seq: row["pid"] for seq, row in listed(scratch_home).items()} == before
    assert all(psutil.pid_exists(pid) for pid in before.values())


def test_an_app_that_dies_while_the_daemon_is_away_comes_back_and_its_exit_is_known(
    scratch_home: ScratchHome,
) -> None:
    scratch_home.start_daemon("apps: {s: {command: [sleep, '1000']}}")
    scratch_home.viscript("s", "s").ok()
    pid = listed(scratch_home)[1]["pid"]
    daemon = psutil.Process(scratch_home.daemon_pid())
    daemon.suspend()  # away, and nobody starts another
    psutil.Process(pid).send_signal(signal.SIGSEGV)
    eventually(lambda: not psutil.pid_exists(pid))
    eventually(lambda: scratch_home.named("sleep"))
    scratch_home.kill_daemon()
    eventually(lambda: answers(scratch_home))
    row = listed(scratch_home)[1]
    assert row["restarts"] == 1
    assert row["generation"] == 2
    assert row["last_exit"] == {"code": None, "signal": 11}
    assert row["pid"] != pid


def test_a_stop_and_new_daemon_keeps_everything(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {s: {command: [sleep, '1000']}}")
    scratch_home.viscript("s", "s").ok()
    before = listed(scratch_home)[1]
    scratch_home.viscript("daemon", "stop").ok()
    eventually(lambda: not answers(scratch_home))
    assert psutil.pid_exists(before["pid"])
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    after = listed(scratch_home)[1]
    assert (after["pid"], after["generation"], after["state"]) == (before["pid"], 1, "running")


def await_output(folder: Path) -> None:
    have = len(logged(folder))
    eventually(lambda: len(logged(folder)) > have)


def kill_both(home: ScratchHome) -> None:
    daemon, keeper = home.daemon_pid(), home.keeper_pid()
    for pid in (daemon, keeper):
        psutil.Process(pid).kill()
    psutil.wait_procs([p for p in home.processes() if p.pid in (daemon, keeper)], timeout=5)


def survive(home: ScratchHome, times: int) -> None:
    """Kill daemon and keeper together, again and again, while an app writes numbered lines."""
    home.start_daemon(f"apps: {{w: {WRITER}}}")
    home.viscript("s", "w").ok()
    pid = listed(home)[1]["pid"]
    folder = log_folder(home, 1, "w")
    for _ in range(times):
        await_output(folder)
        kill_both(home)
        home.start_daemon(home.root / "config.yaml")
        assert listed(home)[1]["pid"] == pid
        assert len([p for p in home.processes() if str(LINES) in p.cmdline()]) == 1
    home.viscript("sd", "1", "--now").ok()
    assert assert_complete(logged(folder)) > 100


def test_kill_both_lose_nothing(scratch_home: ScratchHome) -> None:
    survive(scratch_home, 6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_both_sixty_times_lose_nothing(scratch_home: ScratchHome) -> None:
    survive(scratch_home, 60)


def test_a_killed_keeper_is_replaced_and_no_app_notices(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(f"apps: {{w: {WRITER}}}")
    scratch_home.viscript("s", "w").ok()
    pid = listed(scratch_home)[1]["pid"]
    folder = log_folder(scratch_home, 1, "w")
    old = scratch_home.kill_keeper()
    assert eventually(lambda: scratch_home.keeper_pid() != old)
    await_output(folder)
    row = listed(scratch_home)[1]
    assert (row["pid"], row["generation"], row["state"]) == (pid, 1, "running")
    scratch_home.viscript("sd", "1", "--now").ok()
    assert_complete(logged(folder))


def test_an_adopted_app_that_crashes_is_restarted_with_its_exit_known(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {s: {command: [sleep, '1000']}}")
    scratch_home.viscript("s", "s").ok()
    kill_both(scratch_home)
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    row = listed(scratch_home)[1]
    psutil.Process(row["pid"]).send_signal(signal.SIGKILL)
    eventually(lambda: listed(scratch_home)[1]["generation"] == 2 and listed(scratch_home)[1]["pid"])
    again = listed(scratch_home)[1]
    assert again["pid"] != row["pid"]
    assert again["restarts"] == 1


def test_an_upgrade_keeps_apps_and_configuration(scratch_home: ScratchHome) -> None:
    old = scratch_home.start_daemon("apps: {s: {command: [sleep, '1000']}}")
    scratch_home.viscript("s", "s").ok()
    before = listed(scratch_home)[1]
    scratch_home.viscript("daemon", "upgrade").ok()
    status = scratch_home.viscript("daemon", "status", "-o", "json").ok().json()
    assert status["pid"] != old
    assert status["config"] == str(scratch_home.root / "config.yaml")
    after = listed(scratch_home)[1]
    assert (after["pid"], after["generation"], after["state"]) == (before["pid"], 1, "running")
