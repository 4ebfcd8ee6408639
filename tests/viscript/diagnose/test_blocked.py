"""Whom a waiting app waits for at the end of the line."""

from tests.support.fake_world import entry, instance
from viscript.config.model import After
from viscript.diagnose.blocked import culprit, fails
from viscript.states import State
from viscript.supervisor.api import Instance


def one(seq: int, name: str, state: State, *needs: str, after: str = "", restarts: int = 0) -> Instance:
    what = entry(name, needs=needs, after=(After(app=after),) if after else ())
    return instance(seq, name, state, entry=what, restarts=restarts)


WAITING = one(1, "visor", State.WAITING, "manager", "setup")


def test_it_is_the_one_that_fails_however_far_down_the_line() -> None:
    setup = one(2, "setup", State.WAITING, "manager")
    manager = one(3, "manager", State.BACKOFF)
    assert culprit(WAITING, [WAITING, setup, manager]) == manager
    assert culprit(setup, [WAITING, setup, manager]) == manager


def test_one_that_fails_counts_before_one_that_only_starts() -> None:
    slow, bad = one(2, "manager", State.STARTING), one(3, "setup", State.STARTING, restarts=4)
    assert culprit(WAITING, [WAITING, slow, bad]) == bad
    assert culprit(WAITING, [WAITING, slow]) == slow
    assert [fails(slow), fails(bad)] == [False, True]


def test_what_is_only_after_another_waits_for_it_too() -> None:
    late, first = one(1, "late", State.WAITING, after="first"), one(2, "first", State.STARTING)
    assert culprit(late, [late, first]) == first


def test_nobody_is_to_blame_for_what_does_not_wait_or_waits_for_nobody_known() -> None:
    up = one(2, "manager", State.READY)
    assert culprit(up, [WAITING, up]) is None
    assert culprit(WAITING, [WAITING, up]) is None


def test_a_circle_ends() -> None:
    other = one(2, "manager", State.WAITING, "visor")
    assert culprit(WAITING, [WAITING, other]) is None
