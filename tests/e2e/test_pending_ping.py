"""Promise: an app killed while a ping is pending gives a typed error at once, and an event within 100 ms."""

import time

import psutil

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, events, free_port, row


def start_tracker(home: ScratchHome) -> psutil.Process:
    """A real client of the bus, its process."""
    home.start_daemon(config({"nap": SLEEP}))
    home.viscript("s", "apptracker", f"127.0.0.1:{free_port()}").ok()
    return psutil.Process(row(home)["pid"])


def test_a_killed_app_ends_the_pending_ping_with_a_typed_error(scratch_home: ScratchHome) -> None:
    process = start_tracker(scratch_home)
    caller = Caller(scratch_home)
    assert caller.ask("ping", "1", "-o", "json").ok().json()["kind"] == "bus"
    process.suspend()  # a ping stays pending: nobody is there to answer it
    pending = caller.begin("ping", "1", "-o", "json")
    caller.ask("la").ok()  # asked after it, answered: the ping is under way
    killed = time.time()
    process.kill()
    answer = pending.answer()
    assert time.time() - killed < 0.5
    assert answer.code == 3
    assert answer.json()["error"]["code"] == 3
    assert "apptracker" in answer.json()["error"]["text"]
    (exited,) = events(scratch_home, "app.exited")
    assert exited["time"] - killed < 0.1
    assert exited["reason"] == "killed by signal 9 (SIGKILL)"


def test_a_frozen_app_is_told_from_a_dead_one(scratch_home: ScratchHome) -> None:
    process = start_tracker(scratch_home)
    process.suspend()
    begin = time.monotonic()
    answer = scratch_home.viscript("ping", "1")
    assert answer.code == 8
    assert 1.5 < time.monotonic() - begin < 4
    assert row(scratch_home)["state"] in ("running", "ready")
    process.resume()
    scratch_home.viscript("ping", "1").ok()


def test_a_ping_of_what_does_not_run_says_so_at_once(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP}))
    scratch_home.viscript("s", "nap", "--no-wait").ok()
    scratch_home.viscript("sd", "1").ok()
    begin = time.monotonic()
    assert scratch_home.viscript("ping", "1").code == 3
    assert time.monotonic() - begin < 1
