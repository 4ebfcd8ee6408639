"""The daemon of a scratch home, with a real keeper and real apps: coming up, signals, dying, coming back."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.wait import eventually
from viscript.daemon.daemon import Daemon
from viscript.daemon.settings import Options
from viscript.home import find_home

pytestmark = pytest.mark.usefixtures("no_strays")

SLEEPER = "apps: {web: {command: [/bin/sleep, '600'], settle: 0.05, autostart: true}}\n"
NOTIFIER = """\
import os, socket, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""


def events(home: ScratchHome) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.viscript("events", "-n", "1000", "-o", "json").ok().json()
    return found


def apps(home: ScratchHome) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.viscript("la", "-o", "json").ok().json()
    return found


def is_up(home: ScratchHome) -> Callable[[], bool]:
    return lambda: [app["state"] for app in apps(home)] == ["running"]


def never(probe: Callable[[], object], seconds: float) -> None:
    """Sampled all the while: what must not happen does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not probe()
        time.sleep(0.02)


def test_it_comes_up_and_says_so(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(SLEEPER)
    eventually(is_up(scratch_home))
    told = events(scratch_home)
    started = next(event for event in told if event["type"] == "daemon.started")
    assert (started["object"], started["data"]["pid"]) == ("daemon", pid)
    assert [event["type"] for event in told if event["object"] == "app/1"][-1] == "app.running"


def test_a_signal_to_end_ends_it_for_good_and_no_app(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(SLEEPER)
    eventually(is_up(scratch_home))
    (before,) = apps(scratch_home)
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not psutil.pid_exists(pid))
    never(lambda: scratch_home._pid("viscript.daemon"), 0.5)
    assert psutil.pid_exists(before["pid"])
    scratch_home.start_daemon()
    (after,) = apps(scratch_home)
    assert (after["id"], after["pid"], after["state"]) == (before["id"], before["pid"], "running")
    assert "daemon.stopping" in [event["type"] for event in events(scratch_home)]


def test_a_killed_one_comes_back_and_tells_nothing_twice(scratch_home: ScratchHome) -> None:
    crash = "import time; time.sleep(0.3); raise SystemExit(3)"
    command = json.dumps([sys.executable, "-S", "-c", crash])
    scratch_home.start_daemon(
        f"apps: {{web: {{command: {command}, settle: 0.05, restart: {{delay: 600, max_delay: 600}}}}}}\n"
    )
    scratch_home.viscript("s", "web").ok()
    eventually(lambda: [app["restarts"] for app in apps(scratch_home)] == [1])
    eventually(lambda: apps(scratch_home)[0]["state"] == "backoff")
    exits = [event for event in events(scratch_home) if event["type"] == "app.exited"]
    assert [event["data"]["generation"] for event in exits] == [1, 2]
    # They are in the store a moment later, with the keeper's cursor.
    eventually(lambda: _kept(scratch_home) >= exits[-1]["cursor"])
    scratch_home.kill_daemon()
    scratch_home.daemon_pid()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    again = [event for event in events(scratch_home) if event["type"] == "app.exited"]
    assert [event["data"]["generation"] for event in again] == [1, 2]
    assert "daemon.restarted" in [event["type"] for event in events(scratch_home)]


def _kept(home: ScratchHome) -> int:
    import sqlite3

    db = sqlite3.connect(f"file:{home.root / 'state.db'}?mode=ro", uri=True)
    try:
        newest = db.execute("SELECT max(cursor) FROM event").fetchone()[0]
        cursor = db.execute("SELECT value FROM value WHERE key='keeper_cursor'").fetchone()
        return int(newest or 0) if cursor else 0
    finally:
        db.close()


def test_who_said_once_that_it_is_ready_still_is_after_a_crash(scratch_home: ScratchHome) -> None:
    command = json.dumps([sys.executable, "-S", "-c", NOTIFIER])
    scratch_home.start_daemon(f"apps: {{web: {{command: {command}, ready: {{notify: true}}}}}}\n")
    scratch_home.viscript("s", "web", "-o", "json").ok()
    assert apps(scratch_home)[0]["state"] == "ready"
    scratch_home.kill_daemon()
    scratch_home.daemon_pid()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert [app["state"] for app in apps(scratch_home)] == ["ready"]


def test_hup_applies_a_good_file_and_refuses_a_bad_one(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(SLEEPER)
    eventually(is_up(scratch_home))
    file = scratch_home.root / "config.yaml"
    file.write_text("apps: {web: {comand: [x]}}\n")
    os.kill(pid, signal.SIGHUP)
    refused = eventually(
        lambda: [event for event in events(scratch_home) if event["type"] == "config.refused"]
    )
    assert "comand" in refused[0]["reason"]
    assert is_up(scratch_home)()
    file.write_text(SLEEPER.replace("600", "601"))
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: [event for event in events(scratch_home) if event["type"] == "config.applied"])
    eventually(lambda: apps(scratch_home)[0]["generation"] == 2 and is_up(scratch_home)())


def test_a_storm_of_hups_ends_with_the_last_file(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(SLEEPER)
    eventually(is_up(scratch_home))
    file = scratch_home.root / "config.yaml"
    for seconds in range(601, 641):
        file.write_text(SLEEPER.replace("600", str(seconds)))
        os.kill(pid, signal.SIGHUP)
    eventually(lambda: ["/bin/sleep", "640"] in scratch_home.named("sleep").values())
    eventually(is_up(scratch_home))
    assert len(scratch_home.named("sleep")) == 1
    assert len([event for event in events(scratch_home) if event["type"] == "config.applied"]) <= 40


def test_a_file_that_went_away_changes_nothing(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon(SLEEPER)
    eventually(is_up(scratch_home))
    Path(scratch_home.root, "config.yaml").unlink()
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: [event for event in events(scratch_home) if event["type"] == "config.refused"])
    assert is_up(scratch_home)()


def test_without_a_file_hup_is_nothing(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon()
    os.kill(pid, signal.SIGHUP)
    assert apps(scratch_home) == []
    assert psutil.pid_exists(pid)


async def test_a_daemon_that_ends_does_not_come_up_again_for_what_its_going_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(paths: tuple[str, ...]) -> str:
        return paths[0]

    monkeypatch.setattr("viscript.daemon.daemon.until_lost", lost)
    home = find_home({"VISCRIPT_HOME": str(tmp_path)})
    Path(home.identity).parent.mkdir(mode=0o700)
    for ends in (True, False):
        daemon = Daemon(home, Options(), "", {})
        monkeypatch.setattr(daemon, "_ends", ends)
        await daemon._stay_reachable()
        assert daemon.again is not ends
