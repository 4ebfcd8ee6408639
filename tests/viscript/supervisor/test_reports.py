"""Keeper events as triggers."""

import pytest

from viscript.supervisor.api import Exit
from viscript.supervisor.lifecycle import Trigger
from viscript.supervisor.reports import read, told_aside


def exited(**fields: object) -> dict[str, object]:
    return {"ev": "exited", "seq": 7, "gen": 1, "t": 2.0, "code": None, "signal": None, **fields}


@pytest.mark.parametrize(
    "word,trigger",
    [
        ("restart", Trigger.RETRYING),
        ("ended", Trigger.SUCCEEDED),
        ("fatal", Trigger.FAILED),
        ("stopped", None),
    ],
)
def test_what_follows_an_exit_decides_the_trigger(word: str, trigger: Trigger | None) -> None:
    report = read(exited(next=word, code=1))
    assert report is not None
    assert report.trigger is trigger


def test_a_signal_is_named() -> None:
    report = read(exited(next="restart", signal=11))
    assert report is not None
    assert report.reason == "killed by signal 11 (SIGSEGV)"
    assert report.cause == "killed"


def test_an_unknown_exit_is_never_guessed() -> None:
    report = read(exited(next="restart"))
    assert report is not None
    assert report.cause == "unknown-exit"
    assert "unknown" in report.reason


def test_a_spawn_that_will_be_tried_again_is_a_retry() -> None:
    event = {"ev": "spawn_failed", "seq": 7, "gen": 1, "t": 1.0, "text": "no memory", "delay": 1.0}
    report = read(event)
    assert report is not None
    assert report.trigger is Trigger.RETRYING
    final = read({**event, "delay": None})
    assert final is not None
    assert final.trigger is Trigger.REFUSED


def test_a_stop_tells_its_rung() -> None:
    report = read({"ev": "stopped", "seq": 7, "gen": 1, "t": 1.0, "code": 0, "rung": "bus", "seconds": 0.2})
    assert report is not None
    assert (report.rung, report.exit, report.trigger) == ("bus", Exit(code=0), Trigger.GONE)


def test_events_about_something_else_are_no_report() -> None:
    assert read({"ev": "log_paused", "seq": 7}) is None


def test_a_log_that_pauses_says_why_and_how_much_is_missing_when_it_goes_on() -> None:
    paused = told_aside({"ev": "log_paused", "seq": 7, "errno": 28})
    assert paused == "its output is not logged: No space left on device; it runs on"
    resumed = told_aside({"ev": "log_resumed", "seq": 7, "lost": 99})
    assert resumed == "its output is logged again; 99 bytes of it are not in the log"
    assert told_aside({"ev": "keeper_lost", "text": "gone"}) == "gone"


def test_a_lost_lease_is_told_with_its_key_and_age() -> None:
    event = {"ev": "lease_lost", "seq": 7, "gen": 1, "t": 1.0, "key": "run/web/1", "age": 6.04}
    report = read(event)
    assert report is not None
    assert (report.trigger, report.cause) == (Trigger.OUSTED, "lease-lost")
    assert "run/web/1, last kept 6.0 s ago" in report.reason


def test_a_spawn_without_a_lease_says_so() -> None:
    report = read({"ev": "spawn_failed", "seq": 7, "gen": 1, "t": 1.0, "code": "lease-lost", "text": "x"})
    assert report is not None
    assert report.cause == "lease-lost"
