"""When an app is started again."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.policy import (
    ENDED,
    FATAL,
    RESTART,
    Exit,
    History,
    Verdict,
    decide,
    exit_from_status,
    next_delay,
    reached_running,
    succeeded,
)
from viscript.keeper.spec import Policy

MIDDLE = 0.5  # the chance that jitters nothing


def ends(
    policy: Policy, count: int, *, every: float = 1.0, reached: bool = True, code: int = 1
) -> list[Verdict]:
    """The verdicts on a row of short runs."""
    history, verdicts = History(), []
    for number in range(count):
        verdict = decide(
            policy,
            history,
            Exit(code=code),
            reached=reached,
            runtime=0.1,
            now=number * every,
            chance=MIDDLE,
        )
        history = verdict.history
        verdicts.append(verdict)
    return verdicts


def test_the_first_failure_of_a_run_that_was_up_is_answered_at_once() -> None:
    assert ends(Policy(), 1)[0].delay == 0


def test_the_first_failure_of_a_run_that_never_came_up_waits() -> None:
    assert ends(Policy(), 1, reached=False)[0].delay == 1


def test_pauses_double_up_to_the_cap() -> None:
    assert [verdict.delay for verdict in ends(Policy(max_delay=10), 7)] == [0, 1, 2, 4, 8, 10, 10]


def test_a_stable_run_clears_the_record() -> None:
    history = ends(Policy(), 6)[-1].history
    verdict = decide(Policy(), history, Exit(code=1), reached=True, runtime=61, now=1000, chance=MIDDLE)
    assert (verdict.next, verdict.delay) == (RESTART, 0)


def test_a_short_run_after_a_long_pause_is_no_stable_run() -> None:
    history = ends(Policy(), 6)[-1].history
    verdict = decide(Policy(), history, Exit(code=1), reached=True, runtime=1, now=1000, chance=MIDDLE)
    assert verdict.delay > 1


def test_it_never_gives_up_unless_told() -> None:
    assert {verdict.next for verdict in ends(Policy(), 500)} == {RESTART}


def test_it_gives_up_after_the_burst_when_told() -> None:
    nexts = [verdict.next for verdict in ends(Policy(give_up="after burst"), 5)]
    assert nexts == [RESTART] * 4 + [FATAL]


def test_failures_far_apart_are_no_burst() -> None:
    assert {verdict.next for verdict in ends(Policy(give_up="after burst"), 50, every=20)} == {RESTART}


@pytest.mark.parametrize(
    "policy, end, expected",
    [
        (Policy(), Exit(code=0), ENDED),
        (Policy(), Exit(code=3), RESTART),
        (Policy(), Exit(signal=15), RESTART),
        (Policy(), Exit(), RESTART),
        (Policy(success_codes=(3, 4)), Exit(code=3), ENDED),
        (Policy(success_codes=(3, 4)), Exit(code=0), RESTART),
        (Policy(daemon=True), Exit(code=0), RESTART),
        (Policy(policy="always"), Exit(code=0), RESTART),
        (Policy(policy="never"), Exit(code=0), ENDED),
        (Policy(policy="never"), Exit(code=1), FATAL),
        (Policy(policy="never", daemon=True), Exit(code=0), FATAL),
    ],
)
def test_the_exit_and_the_policy_decide(policy: Policy, end: Exit, expected: str) -> None:
    verdict = decide(policy, History(), end, reached=True, runtime=1, now=0, chance=MIDDLE)
    assert verdict.next == expected


def test_an_unknown_exit_is_no_success() -> None:
    assert not succeeded(Policy(), Exit())


def test_a_run_reaches_running_when_told_or_settled() -> None:
    assert reached_running(Policy(), told=True, runtime=0)
    assert reached_running(Policy(), told=False, runtime=1)
    assert not reached_running(Policy(), told=False, runtime=0.5)


@given(
    delayed=st.integers(0, 10**9),
    chance=st.floats(0, 1),
    delay=st.floats(0, 1e9),
    cap=st.floats(0, 1e9),
    jitter=st.floats(0, 1),
)
def test_a_pause_is_never_negative_nor_above_its_cap(
    delayed: int, chance: float, delay: float, cap: float, jitter: float
) -> None:
    policy = Policy(delay=delay, max_delay=cap, jitter=jitter)
    assert 0 <= next_delay(policy, delayed, chance) <= cap


@given(now=st.lists(st.floats(0, 1e6), max_size=60))
def test_the_record_stays_small(now: list[float]) -> None:
    history = History()
    for at in sorted(now):
        history = decide(Policy(), history, Exit(code=1), reached=True, runtime=0, now=at, chance=0.3).history
    assert len(history.exits) <= Policy().burst + 1


@pytest.mark.parametrize(
    "code, expected",
    [
        ("import sys; sys.exit(37)", Exit(code=37)),
        (f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", Exit(signal=9)),
    ],
)
def test_a_wait_status_tells_the_exit(code: str, expected: Exit) -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert exit_from_status(status) == expected


def condemned(word: str, *, policy: str = "on-failure") -> str:
    return decide(
        Policy(policy=policy),
        History(),
        Exit(code=0),
        reached=True,
        runtime=5.0,
        now=0.0,
        chance=MIDDLE,
        condemned=word,
    ).next


def test_a_run_that_was_ended_for_what_it_did_failed_though_it_says_success() -> None:
    assert condemned("") == ENDED
    assert condemned("failed") == RESTART
    assert condemned("failed", policy="never") == FATAL


def test_the_last_run_is_followed_by_none() -> None:
    assert condemned("last", policy="always") == FATAL
