"""Promise: a limit is acted on within a second, counts as a failure, and is told as what it is."""

from collections.abc import Mapping

import pytest

from tests.support.groups import groups_of
from tests.support.home import ScratchHome
from tests.support.programs import config, events, program, row
from tests.support.wait import eventually

SOON_S = 1.0
SLACK_S = 1.0  # for a machine that does much else at once


def is_limited(home: ScratchHome) -> bool:
    """Whether the condition stands."""
    return any(fact["type"] == "Limited" and fact["status"] for fact in row(home)["conditions"])


def grower(*args: object, limits: Mapping[str, object], **keys: object) -> str:
    app = program("grower", *args, limits=limits, settle="100ms", **keys)
    return config({"g": app})


def reached_limit(home: ScratchHome) -> float:
    """When it was over its limit, by its own clock and its rate."""
    began = float(home.viscript("log", "1", "-n", "1").ok().out.split()[-1])
    return began + 256 / 1024


def test_one_that_grows_by_a_gibibyte_a_second_is_ended_within_a_second(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(grower(1024, 3000, limits={"memory": {"max": "256MiB", "action": "stop"}}))
    scratch_home.viscript("s", "g", "--no-wait").ok()
    eventually(lambda: row(scratch_home)["state"] == "fatal")
    (told,) = events(scratch_home, "app.limit")
    assert told["time"] - reached_limit(scratch_home) < SOON_S + SLACK_S
    assert (told["data"]["limit"], told["data"]["action"], told["data"]["over"]) == ("memory", "stop", True)
    (ended,) = events(scratch_home, "app.exited")
    assert ended["time"] - told["time"] < SOON_S + SLACK_S
    why = scratch_home.viscript("why", "1", "-o", "json").json()
    assert why["cause"] == "limit"
    assert "is over its limit of 256MiB" in why["text"]


def test_one_that_will_not_go_and_grows_on_is_killed(scratch_home: ScratchHome) -> None:
    limits = {"memory": {"max": "128MiB", "action": "stop"}}
    scratch_home.start_daemon(grower(400, 3000, "stubborn", limits=limits, stop={"grace": "1m"}))
    scratch_home.viscript("s", "g", "--no-wait").ok()
    eventually(lambda: row(scratch_home)["state"] == "fatal", deadline_s=20)
    assert events(scratch_home, "app.exited")[0]["data"]["exit"]["signal"] == 9


def test_a_restart_for_a_limit_is_a_failure_with_a_pause_though_it_exits_with_zero(
    scratch_home: ScratchHome,
) -> None:
    restart = {"delay": "30s"}
    scratch_home.start_daemon(grower(2000, 200, limits={"memory": "100MiB"}, restart=restart))
    scratch_home.viscript("s", "g", "--no-wait").ok()
    eventually(lambda: row(scratch_home)["state"] == "backoff", deadline_s=20)
    shown = row(scratch_home)
    assert "is over its limit of 100MiB" in scratch_home.viscript("why", "1").out
    assert shown["generation"] == 2  # at once after the first run, which had come up; then the pause
    assert len(events(scratch_home, "app.limit")) == 2
    scratch_home.viscript("sd", "1").ok()
    assert groups_of(scratch_home.root).known() == {}


@pytest.mark.parametrize("portable", [False, True])
def test_a_warning_stands_until_it_is_over(scratch_home: ScratchHome, portable: bool) -> None:
    """The tree counts: the child holds as much as its parent."""
    scratch_home.environ |= {"VISCRIPT_PORTABLE": "1"} if portable else {}
    limits = {"fds": {"max": 35, "action": "warn"}, "memory": "1GiB", "threads": 50}
    apps = {"w": program("load", 10, limits=limits, settle="100ms")}
    file = scratch_home.write_config(config(apps))
    scratch_home.start_daemon(file)
    scratch_home.viscript("s", "w").ok()
    eventually(lambda: events(scratch_home, "app.limit"))
    (fact,) = [one for one in row(scratch_home)["conditions"] if one["type"] == "Limited"]
    assert fact["status"]
    assert "open files" in fact["reason"]
    assert "it runs, but the number of open files" in scratch_home.viscript("why", "1").ok().out
    limits["fds"] = {"max": 500, "action": "warn"}
    scratch_home.write_config(config(apps))
    scratch_home.viscript("apply", str(file)).ok()
    eventually(lambda: len(events(scratch_home, "app.limit")) == 2)
    assert not events(scratch_home, "app.limit")[-1]["data"]["over"]
    assert row(scratch_home)["generation"] == 1


def test_the_next_daemon_goes_on_watching(scratch_home: ScratchHome) -> None:
    limits = {"threads": {"max": 1, "action": "warn"}}
    scratch_home.start_daemon(config({"w": program("load", 1, limits=limits, settle="100ms")}))
    scratch_home.viscript("s", "w").ok()
    eventually(lambda: is_limited(scratch_home))
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    eventually(lambda: is_limited(scratch_home))
