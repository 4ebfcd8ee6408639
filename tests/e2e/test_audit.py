"""Promise: what was asked of a host is on record, also after a kill of its daemon, and on a full disk."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config
from tests.support.small_disk import SmallDisk
from tests.support.wait import eventually

STUBBORN = {"command": ["sh", "-c", "trap '' TERM; sleep 100 & wait; sleep 100"], "stop": {"grace": "60s"}}


def recorded(home: ScratchHome, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.viscript("audit", "-o", "json", *more).ok().json()
    return found


def test_a_killed_daemon_leaves_a_trace_of_what_it_was_doing(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP, "deaf": STUBBORN}))
    scratch_home.viscript("s", "nap").ok()
    scratch_home.viscript("s", "deaf", "--no-wait").ok()
    stopping = threading.Thread(target=lambda: scratch_home.viscript("sd", "2"))
    stopping.start()
    eventually(lambda: [row["state"] for row in recorded(scratch_home)][-1:] == ["running"])
    scratch_home.kill_daemon()
    stopping.join()
    eventually(lambda: scratch_home.viscript("daemon", "status").code == 0)  # the keeper started the next
    states = [(row["argv"][0], row["state"]) for row in recorded(scratch_home)]
    assert states == [("s", "done"), ("s", "done"), ("sd", "unfinished")]
    scratch_home.viscript("sd", "--now", "2").ok()
    said = scratch_home.viscript("audit", "verify").ok().out
    assert "7 entries, signed by this host and in one chain" in said


def test_an_entry_that_somebody_changed_is_named(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP}))
    scratch_home.viscript("s", "nap").ok()
    scratch_home.viscript("sd", "1").ok()
    with sqlite3.connect(Path(scratch_home.root, "state.db"), timeout=20) as other:
        (record,) = other.execute("SELECT record FROM audit WHERE number=3").fetchone()
        other.execute("UPDATE audit SET record=? WHERE number=3", (bytes(record).replace(b"sd", b"la"),))
    other.close()
    answer = scratch_home.viscript("audit", "verify")
    assert answer.code == 1
    assert answer.out.startswith(
        "entry 3 is not what this host wrote: its signature is not that of this host"
    )


def test_with_a_full_disk_verbs_go_on_and_are_written_down_later(scratch_home: ScratchHome) -> None:
    disk = SmallDisk(scratch_home, scratch_home.root, "6m")
    disk.start_daemon(config({"nap": SLEEP}))
    scratch_home.viscript("s", "nap").ok()
    disk.fill()
    scratch_home.viscript("sd", "1").ok()
    disk.free()
    file = disk.inside(Path(scratch_home.root, "state.db"))
    eventually(lambda: b"shutdown" in file.read_bytes() + file.with_name("state.db-wal").read_bytes())
    assert [row["verb"] for row in recorded(scratch_home)] == ["start", "shutdown"]
    scratch_home.viscript("audit", "verify").ok()
