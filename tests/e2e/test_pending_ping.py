"""Promise: an app killed while a ping is pending gives a typed error at once, and an event within 100 ms."""

import time

import psutil

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.pace import quickest
from tests.support.programs import SLEEP, config, events, free_port, row

ANSWER_S, EVENT_S, TRIES = 0.5, 0.1, 6


def start_tracker(home: ScratchHome) -> psutil.Process:
    """A real client of the bus, its process."""
    home.start_daemon(config({"nap": SLEEP}))
    return another_tracker(home, 1)


def another_tracker(home: ScratchHome, seq: int) -> psutil.Process:
    started = home.viscript("s", "apptracker", f"127.0.0.1:{free_port()}", "-o", "json").ok().json()
    assert started["id"] == seq
    return psutil.Process(started["pid"])


def killed_while_pinged(home: ScratchHome, seq: int, process: psutil.Process) -> tuple[float, float]:
    """Seconds from the kill to the answer, and to the event."""
    caller, target = Caller(home), str(seq)
    assert caller.ask("ping", target, "-o", "json").ok().json()["kind"] == "bus"
    process.suspend()  # a ping stays pending: nobody is there to answer it
    pending = caller.begin("ping", target, "-o", "json")
    caller.ask("la").ok()  # asked after it, answered: the ping is under way
    killed = time.time()
    process.kill()
    answer = pending.answer()
    answered = time.time() - killed
    assert answer.code == 3
    assert answer.json()["error"]["code"] == 3
    assert "apptracker" in answer.json()["error"]["text"]
    first = next(one for one in events(home, "app.exited") if one["object"] == f"app/{seq}")
    assert first["reason"] == "killed by signal 9 (SIGKILL)"
    return answered, float(first["time"]) - killed


def test_a_killed_app_ends_the_pending_ping_with_a_typed_error(scratch_home: ScratchHome) -> None:
    process, answered, told = start_tracker(scratch_home), 0.0, 0.0
    for seq in range(1, TRIES + 1):  # a busy machine makes each slower, never quicker
        answered, told = killed_while_pinged(scratch_home, seq, process)
        if answered < ANSWER_S and told < EVENT_S:
            return
        process = another_tracker(scratch_home, seq + 1)
    raise AssertionError(f"answered after {answered:.2f} s, told after {told:.2f} s")


def test_a_frozen_app_is_told_from_a_dead_one(scratch_home: ScratchHome) -> None:
    process = start_tracker(scratch_home)
    process.suspend()
    answer, took = quickest(lambda: scratch_home.viscript("ping", "1"), 4.0, tries=3)
    assert answer.code == 8
    assert 1.5 < took < 4
    assert row(scratch_home)["state"] in ("running", "ready")
    process.resume()
    scratch_home.viscript("ping", "1").ok()


def test_a_ping_of_what_does_not_run_says_so_at_once(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP}))
    scratch_home.viscript("s", "nap", "--no-wait").ok()
    scratch_home.viscript("sd", "1").ok()
    answer, took = quickest(lambda: scratch_home.viscript("ping", "1"), 1.0)
    assert (answer.code, took < 1) == (3, True)
