"""Promise: when the disk is full logging pauses and says so, apps and daemon live on, and it resumes."""

from pathlib import Path

import pytest

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.logged import logged
from tests.support.programs import SLEEP, config, events, program, row
from tests.support.small_disk import SmallDisk, read_only
from tests.support.wait import eventually

LINE = 9  # bytes of each line of the witness


@pytest.fixture
def tally(short_tmp: Path) -> Path:
    """Where the witness says how many lines it has written: not on the small disk."""
    return short_tmp / "tally"


def written(tally: Path) -> int:
    return int(tally.read_text() or 0) if tally.exists() else 0


def goes_on(tally: Path) -> None:
    """The app writes on: it is not held up."""
    have = written(tally)
    eventually(lambda: written(tally) > have + 200)


def test_a_full_disk_pauses_the_log_and_nothing_else(scratch_home: ScratchHome, tally: Path) -> None:
    folder = scratch_home.root / "logs"
    disk = SmallDisk(scratch_home, folder, "1m")
    disk.start_daemon(config({"w": program("witness", tally), "nap": SLEEP}))
    scratch_home.viscript("s", "w").ok()
    pid = row(scratch_home)["pid"]
    goes_on(tally)
    disk.fill()
    eventually(lambda: events(scratch_home, "log.paused"))
    goes_on(tally)
    scratch_home.viscript("s", "nap", "--no-wait").ok()
    assert (row(scratch_home)["pid"], row(scratch_home)["state"]) == (pid, "running")
    (paused,) = events(scratch_home, "log.paused")
    assert paused["object"] == "app/1"
    assert "No space left" in paused["reason"]
    (fact,) = row(scratch_home)["conditions"]
    assert (fact["type"], fact["status"], fact["reason"]) == ("Logged", False, paused["reason"])
    disk.free()
    eventually(lambda: events(scratch_home, "log.resumed"))
    goes_on(tally)
    scratch_home.viscript("sd", "1").ok()
    (resumed,) = events(scratch_home, "log.resumed")
    kept = logged(disk.inside(folder / "1-w"))
    assert resumed["data"]["lost"] > 0
    assert len(kept) + resumed["data"]["lost"] == LINE * written(tally)  # not a byte more, none unsaid
    assert kept.endswith(b"%08d\n" % (written(tally) - 1))


def test_a_home_with_no_room_at_all_lives_on(scratch_home: ScratchHome, tally: Path) -> None:
    disk = SmallDisk(scratch_home, scratch_home.root, "6m")
    daemon = disk.start_daemon(config({"w": program("witness", tally), "nap": SLEEP}))
    scratch_home.viscript("s", "w").ok()
    pid = row(scratch_home)["pid"]
    disk.fill()
    goes_on(tally)
    caller = Caller(scratch_home)
    assert caller.ask("ping", "1").code == 0
    caller.ask("s", "nap", "--no-wait")  # may be refused, must be answered
    caller.ask("sd", "nap")
    eventually(lambda: caller.ask("events", "-o", "jsonl").code == 0)
    goes_on(tally)
    disk.free()
    assert scratch_home.daemon_pid() == daemon
    assert row(scratch_home)["pid"] == pid
    started = scratch_home.viscript("s", "nap", "-o", "json").ok().json()
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert row(scratch_home, started["id"])["state"] == "running"  # what came after is kept as ever
    assert row(scratch_home)["pid"] == pid


def test_one_that_is_killed_meanwhile_comes_up_with_its_apps(scratch_home: ScratchHome, tally: Path) -> None:
    disk = SmallDisk(scratch_home, scratch_home.root, "6m")
    daemon = disk.start_daemon(config({"w": program("witness", tally), "nap": SLEEP}))
    scratch_home.viscript("s", "w").ok()
    pid = row(scratch_home)["pid"]
    disk.fill()
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0, deadline_s=30)  # its keeper starts it again
    assert scratch_home.daemon_pid() != daemon
    assert (row(scratch_home)["pid"], row(scratch_home)["state"]) == (pid, "running")
    (full,) = events(scratch_home, "store.full")
    assert "until there is room" in full["reason"]
    refused = scratch_home.viscript("s", "nap", "--no-wait")
    assert (refused.code, "its id cannot be kept" in refused.err) == (1, True)
    assert scratch_home.viscript("sd", "1").code == 0  # what runs can still be stopped
    disk.free()
    eventually(lambda: events(scratch_home, "store.saved"))
    assert scratch_home.viscript("s", "nap", "-o", "json").ok().json()["id"] > 1
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0, deadline_s=30)
    assert row(scratch_home, 1)["state"] == "stopped"
    assert events(scratch_home, "store.saved")


@pytest.mark.parametrize(
    "options, said", [(("--detach",), "log/daemon.err: Read-only"), ((), "daemon.lock: Read-only")]
)
def test_a_read_only_home_is_refused_with_a_sentence(
    scratch_home: ScratchHome, options: tuple[str, ...], said: str
) -> None:
    scratch_home.start_daemon(config({}))
    scratch_home.end_daemon()
    answer = read_only(scratch_home, "daemon", *options)
    assert (answer.returncode, len(answer.stderr.splitlines())) == (1, 1)
    assert said in answer.stderr
    scratch_home.start_daemon(config({}))
