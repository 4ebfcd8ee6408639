from typing import Any

import pytest

from tests.support.fake_world import NOW, entry, instance
from viscript.config.model import Check, Stop
from viscript.diagnose.causes import Cause
from viscript.diagnose.conflict import Conflict, FileConflict, PortConflict
from viscript.diagnose.facts import Facts
from viscript.diagnose.outlook import outlook
from viscript.diagnose.verdict import Verdict
from viscript.states import State


def said(
    state: State, conflict: Conflict | None = None, cause: Cause = Cause.PORT_CONFLICT, **given: Any
) -> str:
    return outlook(instance(7, "web", state, **given), Facts(now=NOW), Verdict(cause, "", conflict))


def backoff(conflict: Conflict | None = None, cause: Cause = Cause.PORT_CONFLICT) -> str:
    return said(State.BACKOFF, conflict, cause, retry_at=NOW + 3, restarts=2)


def test_a_pause_is_counted_down() -> None:
    assert backoff() == "restart 3 in 3.0 s; `sd 7` ends it"
    assert said(State.BACKOFF, retry_at=NOW - 5).startswith("restart 1 in 0.0 s")
    assert said(State.BACKOFF) == "`sd 7` ends it"


def test_who_lost_its_lease_comes_back_by_itself() -> None:
    lost = instance(7, "web", State.STOPPED, cause="lease-lost")
    text = outlook(lost, Facts(now=NOW), Verdict(Cause.LEASE_LOST, ""))
    assert "as soon as the store is back" in text


def test_a_holder_can_be_ended() -> None:
    assert "ending pid 55 frees port 80" in backoff(PortConflict(port=80, pid=55, process="nginx"))
    assert "`sd 3` frees port 80" in backoff(PortConflict(port=80, pid=55, process="web", id=3))
    assert "`sd 3` frees /run/x" in backoff(FileConflict(path="/run/x", pid=55, process="web", id=3))
    assert "ending pid 55 frees" in backoff(
        PortConflict(port=80, pid=55, process="web", id=7), Cause.LEFTOVERS
    )


def test_a_holder_that_is_not_seen_cannot_be_ended() -> None:
    assert backoff(PortConflict(port=80)) == backoff()


@pytest.mark.parametrize(
    "state, words",
    [
        (State.FATAL, "is not started again by itself; `rs 7` tries again"),
        (State.STOPPED, "`rs 7` starts it again"),
        (State.DONE, "`rs 7` starts it again"),
        (State.WAITING, "starts as soon as that is so"),
        (State.STARTING, ""),
        (State.RUNNING, ""),
        (State.READY, ""),
    ],
)
def test_each_state_has_its_outlook(state: State, words: str) -> None:
    assert said(state) == words


def test_deadlines_are_those_of_the_app() -> None:
    assert said(State.STOPPING, entry=entry("web", stop=Stop(grace=4.0))).endswith("after 4 s")
    checked = entry("web", ready=Check(tcp="127.0.0.1:1"), start_timeout=9.0)
    assert said(State.STARTING, entry=checked) == "has 9 s to become ready"


@pytest.mark.parametrize("state", [State.STOPPED, State.DONE, State.FATAL, State.RUNNING])
def test_the_next_run_of_a_schedule_is_told(state: State) -> None:
    text = said(state, next_run=NOW + 252)
    assert ", in 4m12s; `disable 7` ends its schedule" in text
    assert "by itself" not in text
