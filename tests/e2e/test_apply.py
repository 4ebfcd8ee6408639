"""Promise: `apply` touches only what changed, and a bad file changes nothing."""

import os
import signal
from typing import Any

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, events, pids, rows
from tests.support.wait import eventually

BEFORE: dict[str, dict[str, Any]] = {
    "same": {**SLEEP, "autostart": True},
    "changed": {**SLEEP, "autostart": True},
    "gone": {**SLEEP, "autostart": True},
    "described": {**SLEEP, "autostart": True},
}
AFTER: dict[str, dict[str, Any]] = {
    "same": {**SLEEP, "autostart": True},
    "changed": {**SLEEP, "autostart": True, "env": {"NEW": "1"}},
    "described": {**SLEEP, "autostart": True, "desc": "only words"},
    "fresh": {**SLEEP, "autostart": True},
}
BAD = {
    "syntax": "apps: [\n",
    "unknown key": config({**AFTER, "x": {"command": ["sleep"], "comand": 1}}),
    "wrong type": config({**AFTER, "x": {"command": ["sleep"], "instances": "many"}}),
    "cycle": config({"a": {**SLEEP, "needs": ["b"]}, "b": {**SLEEP, "needs": ["a"]}}),
    "undefined need": config({"a": {**SLEEP, "needs": ["nobody"]}}),
}


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    """A daemon with the first configuration, all up."""
    scratch_home.start_daemon(config(BEFORE))
    eventually(lambda: up(scratch_home) == sorted(BEFORE))
    return scratch_home


def up(home: ScratchHome) -> list[str]:
    return sorted(one["name"] for one in rows(home).values() if one["state"] == "running")


def by_name(home: ScratchHome) -> dict[str, int]:
    return {rows(home)[seq]["name"]: pid for seq, pid in pids(home).items()}


def plan(home: ScratchHome, *options: str) -> dict[str, str]:
    steps = home.viscript("apply", *options, "-o", "json").ok().json()
    return {step["app"]: step["action"] for step in steps if step["app"] in BEFORE | AFTER}


def test_a_plan_says_what_it_would_do_and_does_nothing(home: ScratchHome) -> None:
    before = by_name(home)
    home.write_config(config(AFTER))
    assert plan(home, "--dry-run") == {
        "same": "unchanged",
        "changed": "restart",
        "gone": "stop",
        "described": "update",
        "fresh": "add",
    }
    assert "restart" in home.viscript("apply", "--dry-run").ok().out
    assert by_name(home) == before


def test_only_what_changed_is_touched_and_the_daemon_is_the_same(home: ScratchHome) -> None:
    before, daemon = by_name(home), home.daemon_pid()
    home.write_config(config(AFTER))
    home.viscript("apply").ok()
    eventually(lambda: up(home) == sorted(AFTER))
    after = by_name(home)
    assert {name for name in before if after.get(name) == before[name]} == {"same", "described"}
    assert home.daemon_pid() == daemon
    assert set(plan(home, "--dry-run").values()) == {"unchanged"}


def test_a_signal_applies_too(home: ScratchHome) -> None:
    home.write_config(config(AFTER))
    os.kill(home.daemon_pid(), signal.SIGHUP)
    eventually(lambda: up(home) == sorted(AFTER))


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_changes_nothing_and_names_its_place(home: ScratchHome, fault: str) -> None:
    before = by_name(home)
    file = home.write_config(BAD[fault])
    answer = home.viscript("apply")
    assert answer.code == 6
    assert f"{file}:" in answer.err
    assert "Traceback" not in answer.err
    assert by_name(home) == before
    offered = home.viscript("apps", "-o", "json").ok().json()
    assert sorted(one["name"] for one in offered if one["running"]) == sorted(BEFORE)
    os.kill(home.daemon_pid(), signal.SIGHUP)
    eventually(lambda: events(home, "config.refused"))
    assert by_name(home) == before


def test_what_was_started_with_other_arguments_is_left_alone(home: ScratchHome) -> None:
    own = home.viscript("s", "changed", "2000", "-o", "json").ok().json()
    home.write_config(config(AFTER))
    home.viscript("apply").ok()
    assert pids(home)[own["id"]] == own["pid"]


def test_a_file_that_was_edited_before_the_daemon_died_is_still_applied(home: ScratchHome) -> None:
    before = by_name(home)
    home.write_config((home.root / "config.yaml").read_text().replace("1000", "2000", 1))
    home.kill_daemon()
    eventually(lambda: home.viscript("la").code == 0)
    assert by_name(home) == before
    assert "restart" in plan(home, "--dry-run").values()
    home.viscript("apply").ok()
    assert by_name(home) != before
    assert set(plan(home).values()) == {"unchanged"}


@pytest.mark.parametrize("text", ["", "apps:\n"], ids=["emptied", "cut"])
def test_a_file_that_lost_its_apps_stops_nothing_unless_forced(home: ScratchHome, text: str) -> None:
    before = by_name(home)
    home.write_config(text)
    os.kill(home.daemon_pid(), signal.SIGHUP)
    (refused,) = eventually(lambda: events(home, "config.refused"))
    assert "4 run from it" in refused["reason"]
    answer = home.viscript("apply")
    assert answer.code == 6
    assert "`apply --force`" in answer.err
    assert by_name(home) == before
    home.viscript("apply", "--force").ok()
    assert up(home) == []


def test_a_file_that_says_there_are_no_apps_stops_all(home: ScratchHome) -> None:
    home.write_config("apps: {}\n")
    home.viscript("apply").ok()
    assert up(home) == []


def test_a_file_that_was_edited_while_nothing_ran_is_what_starts(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"web": {**SLEEP, "autostart": True}}))
    eventually(lambda: up(scratch_home) == ["web"])
    scratch_home.viscript("daemon", "stop", "--stop-all").ok()
    scratch_home.start_daemon(config({"web": {"command": ["sleep", "2000"], "autostart": True}}))
    eventually(lambda: up(scratch_home) == ["web"])
    assert [one["command"] for one in rows(scratch_home).values()] == ["sleep 2000"]
