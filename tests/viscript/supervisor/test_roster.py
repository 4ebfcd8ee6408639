"""Names that are free, and ids that are kept in sight."""

import pytest

from viscript.config.model import App
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.roster import free_name, in_sight, to_forget


def managed(
    seq: int, phase: Phase = Phase.STOPPED, *, since: float = 0.0, configured: bool = False
) -> Managed:
    entry = AppEntry(name="web", source="t", spec=App(), argv=("web",))
    held = Managed(seq=seq, name="web", entry=entry, since=since, phase=phase, configured=configured)
    held.generation = 1
    return held


@pytest.mark.parametrize(
    "taken,name",
    [(set(), "web"), ({"web"}, "web#2"), ({"web", "web#2"}, "web#3"), ({"web", "web#3"}, "web#2")],
)
def test_a_name_is_numbered_past_those_in_use(taken: set[str], name: str) -> None:
    assert free_name("web", taken.__contains__) == name


def test_the_oldest_that_ended_are_forgotten_first() -> None:
    held = [managed(1, since=9.0), managed(2, since=1.0), managed(3, since=5.0)]
    assert to_forget(held, kept=1) == [2, 3]
    assert to_forget(held, kept=3) == []


def test_what_lives_or_belongs_to_the_configuration_is_never_forgotten() -> None:
    held = [managed(1, Phase.RUNNING), managed(2, configured=True), managed(3, Phase.BACKOFF)]
    assert to_forget(held, kept=0) == []


def test_what_was_only_just_made_is_not_forgotten_before_it_is_started() -> None:
    new, given_up = managed(1), managed(2)
    new.generation = given_up.generation = 0
    given_up.reason = "stopped by a user"
    assert to_forget([new, given_up], kept=0) == [2]


@pytest.mark.parametrize("phase", list(Phase))
def test_what_ended_well_is_shown_when_asked(phase: Phase) -> None:
    assert in_sight(managed(1, phase), ended=True)
    assert in_sight(managed(1, phase), ended=False) == (phase not in (Phase.STOPPED, Phase.DONE))


def test_what_is_to_run_by_its_schedule_is_in_sight() -> None:
    held = managed(1, Phase.DONE)
    assert not in_sight(held, ended=False)
    held.next_run = 9.0
    assert in_sight(held, ended=False)
