"""Promise: a crash loop never shows as running, whoever looks and however often."""

import re
import time

import pytest

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import config, events, program, row
from tests.support.wait import eventually

FAST = {"delay": "100ms", "max_delay": "400ms"}
SAMPLE_S = 0.1


def sampled(home: ScratchHome, seconds: float) -> list[dict[str, object]]:
    """What `la` said of every app, ten times a second; a slow answer is a sample less."""
    caller = Caller(home)
    seen: list[dict[str, object]] = []

    def enough() -> bool:
        seen.extend(caller.ask("la", "-a", "-o", "json").ok().json())
        return time.monotonic() >= end

    end = time.monotonic() + seconds
    eventually(enough, deadline_s=seconds + 10, interval_s=SAMPLE_S)
    return seen


def crash(home: ScratchHome) -> None:
    apps = {
        "at-once": program("crash_loop", 0, restart=FAST),
        "in-settle": program("crash_loop", 0.5, restart=FAST),
        "by-signal": program("crash_loop", 0, -6, restart=FAST),
        "daemon": program("crash_loop", 0, 0, daemon=True, restart=FAST),
    }
    home.start_daemon(config(apps))
    for name in apps:
        home.viscript("s", name, "--no-wait").ok()


def never_running(home: ScratchHome, seconds: float) -> None:
    crash(home)
    seen = sampled(home, seconds)
    states = {str(one["state"]) for one in seen}
    assert states <= {"starting", "backoff"}
    assert len(seen) > 4 * seconds  # four apps, and at least a look a second
    assert all(one["retry_seconds"] is not None for one in seen if one["state"] == "backoff")
    assert all(row(home, seq)["restarts"] >= 3 for seq in (1, 2, 3, 4))


def test_a_crash_loop_is_never_seen_running(scratch_home: ScratchHome) -> None:
    never_running(scratch_home, 6)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_crash_loop_is_never_seen_running_for_a_minute(scratch_home: ScratchHome) -> None:
    never_running(scratch_home, 60)


def test_backoff_shows_its_countdown_exit_and_last_words(scratch_home: ScratchHome) -> None:
    slow = {"delay": "30s", "jitter": 0}
    apps = {
        "code": program("crash_loop", 0, 3, restart=slow),
        "signal": program("crash_loop", 0, -6, restart=slow),
    }
    scratch_home.start_daemon(config(apps))
    for seq, name, said, number in ((1, "code", "exit status 3", 3), (2, "signal", "SIGABRT", None)):
        assert scratch_home.viscript("s", name).code == 1
        listed = row(scratch_home, seq)
        assert listed["state"] == "backoff"
        assert 0 < listed["retry_seconds"] <= 30
        assert listed["last_exit"]["code"] == number
        why = scratch_home.viscript("why", str(seq)).ok().out
        assert said in why
        assert "the flux is inverted" in why
        assert re.search(r"restart 1 in \d\d\.?\d* s", why)
    assert re.search(r"backoff, again in (30|2\d)s", scratch_home.viscript("la").ok().out)


def test_it_is_fatal_after_the_burst_only_where_that_is_asked(scratch_home: ScratchHome) -> None:
    limited = {"delay": "20ms", "max_delay": "20ms", "burst": 3, "give_up": "after burst"}
    apps = {
        "limited": program("crash_loop", restart=limited),
        "endless": program("crash_loop", restart={"delay": "20ms", "max_delay": "20ms", "burst": 3}),
    }
    scratch_home.start_daemon(config(apps))
    for name in apps:
        scratch_home.viscript("s", name, "--no-wait").ok()
    eventually(lambda: row(scratch_home, 1)["state"] == "fatal")
    eventually(lambda: row(scratch_home, 2)["restarts"] > 6)
    assert row(scratch_home, 1)["restarts"] <= 3
    assert row(scratch_home, 2)["state"] in ("starting", "backoff")
    assert "it ended 3 times within 60 s" in scratch_home.viscript("why", "1").ok().out
    assert [one["object"] for one in events(scratch_home, "app.fatal")] == ["app/1"]
    scratch_home.viscript("clear_failed", "1").ok()
    assert row(scratch_home, 1)["state"] == "stopped"
