"""Taking apps back: every phase the keeper may tell, against every phase the store may remember."""

from itertools import product
from typing import Any

import pytest

from viscript.keeper.table import Phase as KeeperPhase
from viscript.supervisor.adoption import adopted, last_exit, missed
from viscript.supervisor.api import Exit
from viscript.supervisor.lifecycle import Phase


def record(phase: str, **fields: Any) -> dict[str, Any]:
    return {"phase": phase, "gen": 2, "pid": 12, "exits": [], **fields}


@pytest.mark.parametrize("remembered,kept", list(product(Phase, KeeperPhase)))
def test_every_pair_has_an_answer(remembered: Phase, kept: KeeperPhase) -> None:
    found = adopted(remembered, record(kept.value), success=False, rebooted=False)
    assert found.check == (kept is KeeperPhase.RUNNING)


def test_what_ran_goes_on_running() -> None:
    assert adopted(Phase.READY, record("running"), success=False, rebooted=False).phase is Phase.RUNNING


def test_what_was_starting_goes_on_starting() -> None:
    assert adopted(Phase.STARTING, record("running"), success=False, rebooted=False).phase is Phase.STARTING


def test_what_crashed_meanwhile_and_waits_is_in_backoff() -> None:
    exits = [{"code": 3, "signal": None}]
    found = adopted(Phase.RUNNING, record("backoff", exits=exits), success=False, rebooted=False)
    assert found.phase is Phase.BACKOFF
    assert found.exit == Exit(code=3)
    assert found.reason == "exit status 3"


@pytest.mark.parametrize("success,phase", [(True, Phase.DONE), (False, Phase.FATAL)])
def test_what_ended_meanwhile_is_judged_by_its_code(success: bool, phase: Phase) -> None:
    found = adopted(Phase.RUNNING, record("ended"), success=success, rebooted=False)
    assert found.phase is phase


def test_after_a_reboot_everything_is_stopped() -> None:
    found = adopted(Phase.RUNNING, None, success=False, rebooted=True)
    assert found.phase is Phase.STOPPED
    assert found.cause == "host-restarted"


def test_a_start_that_had_not_reached_the_keeper_is_taken_up_again() -> None:
    assert adopted(Phase.WAITING, None, success=False, rebooted=False).resume


def test_what_had_ended_stays_as_it_was() -> None:
    for phase in (Phase.DONE, Phase.FATAL, Phase.STOPPED):
        assert adopted(phase, None, success=False, rebooted=True).phase is phase


def test_the_newest_exit_counts() -> None:
    assert last_exit({"exits": [{"code": 1}, {"signal": 9}]}) == Exit(signal=9)
    assert last_exit({}) is None


LIFE_2, LIFE_3 = 2 * 10**9, 3 * 10**9


@pytest.mark.parametrize(
    "gap, since, greeted, phase, said",
    [
        (False, LIFE_3, False, "running", False),
        (True, LIFE_3 + 1, False, "ended", True),  # more than one keeper keeps
        (True, LIFE_3 + 1, True, "running", True),
        (True, LIFE_2 + 1, False, "running", True),  # both were killed, apps ran meanwhile
        (True, LIFE_2 + 1, False, "stopped", False),  # nothing ran
        (True, LIFE_2 + 1, True, "running", False),  # the keeper was replaced, the daemon had heard all
        (True, None, True, "running", False),
    ],
)
def test_a_gap_is_said_when_something_may_have_been_missed(
    gap: bool, since: int | None, greeted: bool, phase: str, said: bool
) -> None:
    hello = {"gap": gap, "since": since, "cursor": LIFE_3 + 50, "instances": [record(phase)]}
    assert missed(hello, greeted=greeted) == said


def test_what_lost_its_lease_meanwhile_says_so() -> None:
    found = adopted(Phase.READY, {**record("stopped"), "ousted": True}, success=False, rebooted=False)
    assert (found.phase, found.cause) == (Phase.STOPPED, "lease-lost")
    ending = adopted(Phase.READY, {**record("terming"), "ousted": True}, success=False, rebooted=False)
    assert (ending.phase, ending.cause) == (Phase.STOPPING, "lease-lost")
    assert adopted(Phase.READY, record("terming"), success=False, rebooted=False).cause == ""
