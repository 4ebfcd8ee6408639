"""Promise: dependencies wait for real readiness, stop in reverse order, and live through a restart."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, free_port, program, row, rows
from tests.support.wait import eventually

Apps = dict[str, dict[str, Any]]


@pytest.fixture
def diary(short_tmp: Path) -> Path:
    """What the programs say they did, in order."""
    path = short_tmp / "diary"
    path.touch()
    return path


def world(diary: Path, port: int, **after: Any) -> Apps:
    """A server that listens late, and an app that ends unless the server answers."""
    return {
        "db": program(
            "late_server", port, 0.8, diary, ready={"tcp": f"127.0.0.1:{port}", "interval": "50ms"}
        ),
        "web": program("dependent", port, "web", diary, needs=["db"], settle="200ms", **after),
    }


def said(diary: Path) -> list[str]:
    return diary.read_text().splitlines()


def by_app(home: ScratchHome) -> Apps:
    return {one["app"]: one for one in rows(home).values()}


def test_a_need_is_started_and_waited_for_until_it_is_ready(scratch_home: ScratchHome, diary: Path) -> None:
    port = free_port()
    scratch_home.start_daemon(config(world(diary, port)))
    scratch_home.viscript("s", "web").ok()
    assert said(diary) == [f"up {port}", "up web"]
    assert by_app(scratch_home)["db"]["state"] == "ready"


def test_what_waits_says_for_whom(scratch_home: ScratchHome, short_tmp: Path) -> None:
    gate = short_tmp / "gate"
    apps: Apps = {
        "db": {**SLEEP, "ready": {"exec": ["test", "-e", str(gate)], "interval": "50ms", "retries": 1000}},
        "web": {**SLEEP, "needs": ["db"]},
    }
    scratch_home.start_daemon(config(apps))
    starting = Caller(scratch_home).begin("s", "web")
    eventually(lambda: by_app(scratch_home)["web"]["state"] == "waiting")
    assert by_app(scratch_home)["web"]["pid"] is None
    assert "db" in scratch_home.viscript("why", "web").ok().out
    gate.touch()
    starting.answer().ok()
    assert by_app(scratch_home)["web"]["state"] == "running"


def test_dependents_stop_first_even_when_all_are_told_at_once(scratch_home: ScratchHome, diary: Path) -> None:
    port = free_port()
    apps = world(diary, port)
    apps["front"] = program("dependent", port, "front", diary, needs=["web"], settle="200ms")
    scratch_home.start_daemon(config(apps))
    scratch_home.viscript("s", "front").ok()
    scratch_home.viscript("sd", "all").ok()
    assert said(diary)[-3:] == ["down front", "down web", f"down {port}"]


def test_two_dependents_share_one_need(scratch_home: ScratchHome, diary: Path) -> None:
    port = free_port()
    scratch_home.start_daemon(config(world(diary, port)))
    scratch_home.viscript("s", "web").ok()
    scratch_home.viscript("s", "web").ok()
    assert [one["app"] for one in rows(scratch_home).values()].count("db") == 1


def test_a_dependent_that_starts_while_its_need_restarts_waits_for_it(
    scratch_home: ScratchHome, diary: Path
) -> None:
    port = free_port()
    scratch_home.start_daemon(config(world(diary, port)))
    scratch_home.viscript("s", "db").ok()
    os.kill(row(scratch_home)["pid"], signal.SIGKILL)
    eventually(lambda: row(scratch_home)["restarts"] == 1 or row(scratch_home)["state"] == "backoff")
    scratch_home.viscript("s", "web").ok()
    assert "refused web" not in said(diary)
    assert said(diary)[-2:] == [f"up {port}", "up web"]


def test_after_orders_and_starts_nothing(scratch_home: ScratchHome) -> None:
    apps: Apps = {
        "first": {**SLEEP, "settle": "600ms", "autostart": True},
        "second": {**SLEEP, "after": [{"app": "first", "condition": "started"}], "autostart": True},
        "alone": {**SLEEP, "after": [{"app": "never"}]},
        "never": SLEEP,
    }
    scratch_home.start_daemon(config(apps))
    eventually(lambda: by_app(scratch_home).get("second", {}).get("state") == "running")
    found = by_app(scratch_home)
    assert found["first"]["since"] <= found["second"]["since"] - 0.9  # settle of the second comes after
    scratch_home.viscript("s", "alone").ok()
    assert "never" not in by_app(scratch_home)


def test_after_completed_waits_for_a_good_end(scratch_home: ScratchHome, short_tmp: Path) -> None:
    made = short_tmp / "made"
    apps: Apps = {
        "migrate": {"command": ["sh", "-c", f"sleep 0.5; touch {made}"]},
        "web": {
            "command": ["sh", "-c", f"test -e {made} && exec sleep 1000"],
            "needs": ["migrate"],
            "after": [{"app": "migrate", "condition": "completed"}],
        },
    }
    scratch_home.start_daemon(config(apps))
    scratch_home.viscript("s", "web").ok()
    assert by_app(scratch_home)["migrate"]["state"] == "done"
    assert by_app(scratch_home)["web"]["restarts"] == 0


def test_a_need_that_cannot_come_ends_the_wait_with_its_name(scratch_home: ScratchHome) -> None:
    apps: Apps = {"db": {"path": "bin/no-such-db"}, "web": {**SLEEP, "needs": ["db"]}}
    scratch_home.start_daemon(config(apps))
    answer = scratch_home.viscript("s", "web")
    assert answer.code == 1
    assert "db" in answer.err
    assert by_app(scratch_home)["web"]["state"] == "fatal"


def test_a_cycle_is_refused_with_its_names(scratch_home: ScratchHome) -> None:
    file = scratch_home.write_config(config({"a": {**SLEEP, "needs": ["b"]}, "b": {**SLEEP, "needs": ["a"]}}))
    answer = scratch_home.viscript("daemon", "--config", str(file), "--detach")
    assert answer.code == 6
    assert "a" in answer.err
    assert "->" in answer.err or "cycle" in answer.err


def test_a_need_that_starts_with_the_daemon_too_runs_once(scratch_home: ScratchHome, diary: Path) -> None:
    """Whoever stands first in the file, and also when only the need is new."""
    port = free_port()
    apps = world(diary, port)
    for app in apps.values():
        app["autostart"] = True
    scratch_home.start_daemon(config({"web": apps["web"], "db": apps["db"]}))
    eventually(lambda: said(diary) == [f"up {port}", "up web"])
    assert sorted(one["name"] for one in rows(scratch_home).values()) == ["db", "web"]
