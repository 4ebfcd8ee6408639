"""When a start has come to something, and to what: every phase, every wait."""

import pytest

from viscript.config.model import App, Check
from viscript.errors import ExitCode
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.outcomes import accepted, failure, outcome, settled

P = Phase
NOT_YET = {P.WAITING, P.STARTING, P.CYCLING}


def managed(phase: Phase, ready: Check | None = None, **fields: object) -> Managed:
    entry = AppEntry(name="web", source="t", spec=App(ready=ready), argv=("web",))
    return Managed(seq=7, name="web", entry=entry, since=0.0, phase=phase, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("ready", [None, Check(signal=True)])
def test_a_start_waits_until_it_is_up_or_has_failed(phase: Phase, ready: Check | None) -> None:
    going_on = NOT_YET | ({P.RUNNING} if ready else set())
    assert settled(managed(phase, ready), "started") == (phase not in going_on)


@pytest.mark.parametrize("phase", list(Phase))
def test_an_order_is_accepted_once_something_came_of_it(phase: Phase) -> None:
    assert accepted(managed(phase)) == (phase in {P.DONE, P.BACKOFF, P.FATAL, P.STOPPED, P.STOPPING})
    assert accepted(managed(phase, pid=5))
    assert accepted(managed(phase, waiting_for=("db",))) == (accepted(managed(phase)) or phase is P.WAITING)


@pytest.mark.parametrize("phase", [P.RUNNING, P.READY, P.DONE])
def test_up_or_done_is_a_success(phase: Phase) -> None:
    assert outcome(managed(phase), "started", 0.0).ok


@pytest.mark.parametrize("phase", [P.BACKOFF, P.FATAL, P.STOPPED, P.STOPPING])
def test_anything_else_is_a_failure_with_a_reason(phase: Phase) -> None:
    found = outcome(managed(phase), "started", 0.0)
    assert not found.ok
    assert found.code == ExitCode.FAILED
    assert found.reason == f"it is {managed(phase).state}"


def test_one_can_wait_for_a_word() -> None:
    assert not settled(managed(P.RUNNING), "ready")
    assert outcome(managed(P.READY), "ready", 0.0).ok
    assert settled(managed(P.DONE), "done")


def test_a_start_that_took_too_long_has_a_code_of_its_own() -> None:
    late = managed(P.STARTING, Check(signal=True), aborted=("x", "start-timeout"), cause="start-timeout")
    assert settled(late, "started")
    assert outcome(late, "started", 0.0).code == ExitCode.TIMED_OUT


def test_a_pause_says_how_long_and_how_to_end_it() -> None:
    paused = managed(P.BACKOFF, reason="exit status 3", retry_at=12.5)
    assert failure(paused, 10.0) == "exit status 3; retrying in 2.5 s; sd 7 ends it"
    assert failure(paused, 99.0) == "exit status 3; retrying in 0.0 s; sd 7 ends it"


def test_a_pause_without_an_end_says_why_only() -> None:
    assert failure(managed(P.BACKOFF, reason="exit status 3"), 0.0) == "exit status 3"
