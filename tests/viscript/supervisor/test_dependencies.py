"""What a start waits for, and the order of a stop."""

import pytest

from viscript.config.model import After, App
from viscript.supervisor.dependencies import Provider, judge, missing, stop_layers, wants
from viscript.supervisor.lifecycle import Phase


def provider(phase: Phase, *, has_check: bool = False, healthy: bool = True) -> Provider:
    return Provider(phase=phase, has_check=has_check, healthy=healthy)


@pytest.mark.parametrize(
    "phase,has_check,condition,verdict",
    [
        (Phase.READY, True, "ready", "met"),
        (Phase.RUNNING, True, "ready", "waiting"),
        (Phase.RUNNING, False, "ready", "met"),
        (Phase.STARTING, False, "started", "waiting"),
        (Phase.RUNNING, True, "started", "met"),
        (Phase.BACKOFF, False, "ready", "waiting"),
        (Phase.FATAL, False, "started", "hopeless"),
        (Phase.RUNNING, False, "completed", "waiting"),
        (Phase.DONE, False, "completed", "met"),
        (Phase.READY, True, "healthy", "met"),
    ],
)
def test_a_condition_is_judged_by_phase(phase: Phase, has_check: bool, condition: str, verdict: str) -> None:
    assert judge(provider(phase, has_check=has_check), condition) == verdict


def test_healthy_waits_for_health() -> None:
    assert judge(provider(Phase.READY, healthy=False), "healthy") == "waiting"


def test_a_need_is_a_condition_too() -> None:
    assert wants(App(needs=("db",))) == (After(app="db"),)


def test_an_order_beside_a_need_sets_its_condition() -> None:
    spec = App(needs=("db",), after=(After(app="db", condition="started"),))
    assert wants(spec) == (After(app="db", condition="started"),)


def test_an_app_that_nobody_starts_is_not_waited_for() -> None:
    assert missing(App(after=(After(app="db"),)), lambda name: None) == []


def test_a_need_that_is_absent_is_waited_for() -> None:
    (gap,) = missing(App(needs=("db",)), lambda name: None)
    assert gap.text == "db to be ready (it is stopped)"
    assert not gap.hopeless


def test_dependents_stop_first() -> None:
    apps = {1: ("db", App()), 2: ("web", App(needs=("db",))), 3: ("edge", App(needs=("web",)))}
    assert stop_layers([1, 2, 3], apps.__getitem__) == [[3], [2], [1]]


def test_a_cycle_still_stops() -> None:
    apps = {1: ("a", App(needs=("b",))), 2: ("b", App(needs=("a",)))}
    assert stop_layers([1, 2], apps.__getitem__) == [[1, 2]]
