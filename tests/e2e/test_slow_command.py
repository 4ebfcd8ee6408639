"""Promise: a slow command never blocks the control channel."""

import time

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, rows
from tests.support.wait import eventually

STUBBORN = 30
GRACE_S = 3
MOST = 4  # times the idle figure; the promise is 2 on a machine with nothing else to do
TRIES = 5
IDLE_AT_LEAST_S = 0.005


def slow_home(home: ScratchHome) -> Caller:
    """Many apps that end only when they are killed, and a good one, the first."""
    deaf = "trap '' TERM; while :; do sleep 100; done"
    spec = {"command": ["sh", "-c", deaf], "stop": {"grace": f"{GRACE_S}s"}, "autostart": True, "tags": ["x"]}
    apps = {"nap": {**SLEEP, "autostart": True}, **{f"deaf{n}": spec for n in range(STUBBORN)}}
    home.start_daemon(config(apps))
    eventually(lambda: all(one["state"] == "running" for one in rows(home).values()), deadline_s=20)
    return Caller(home)


def test_ping_answers_as_ever_while_many_slow_stops_go_on(scratch_home: ScratchHome) -> None:
    caller = slow_home(scratch_home)
    idle = max(caller.slowest(150, "ping", "nap"), IDLE_AT_LEAST_S)
    begin = time.monotonic()
    stopping = caller.begin("sd", "deaf*", "-o", "json")
    eventually(lambda: caller.ask("la", "-o", "name").code == 0)
    assert any(caller.slowest(150, "ping", "nap") < MOST * idle for _ in range(TRIES))
    states = [one["state"] for one in caller.ask("la", "-o", "json").ok().json()]
    assert states.count("stopping") == STUBBORN  # it was measured in the middle of it
    ended = stopping.answer().ok().json()
    took = time.monotonic() - begin
    assert {one["rung"] for one in ended} == {"kill"}
    assert len(ended) == STUBBORN
    assert GRACE_S <= took < GRACE_S + 4  # all at the same time, not one after the other


def test_a_start_that_hangs_delays_no_other(scratch_home: ScratchHome) -> None:
    never = {**SLEEP, "ready": {"exec": ["sleep", "100"], "timeout": "60s"}}
    scratch_home.start_daemon(config({"never": never, "nap": {**SLEEP, "settle": "100ms"}}))
    caller = Caller(scratch_home)
    hanging = [caller.begin("s", "never") for _ in range(20)]
    begin = time.monotonic()
    caller.ask("s", "nap").ok()
    assert time.monotonic() - begin < 3
    for row in scratch_home.viscript("la", "-o", "json").ok().json():  # ids are not given in the order asked
        if row["app"] == "never":
            caller.ask("sd", str(row["id"]), "--now").ok()
    assert all(one.answer().code != 0 for one in hanging)


def test_followers_that_never_read_delay_nobody(scratch_home: ScratchHome) -> None:
    flood = {"command": ["yes"], "output": {"max_bytes": "1MiB", "backups": 1}}
    scratch_home.start_daemon(config({"flood": flood, "nap": SLEEP}))
    caller = Caller(scratch_home)
    caller.ask("s", "nap", "--no-wait").ok()
    caller.ask("s", "flood", "--no-wait").ok()
    alone = max(caller.slowest(100, "ping", "nap"), IDLE_AT_LEAST_S)  # beside the flood, without followers
    deaf = [caller.begin("logs", "flood", "-f") for _ in range(10)]
    try:
        assert any(caller.slowest(100, "ping", "nap") < MOST * alone for _ in range(TRIES))
    finally:
        for one in deaf:
            one.close()
    caller.ask("sd", "flood", "--now").ok()
