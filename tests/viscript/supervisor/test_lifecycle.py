"""The table is total, and the promises it makes hold for every path."""

from itertools import product
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from viscript.states import State
from viscript.supervisor.lifecycle import IGNORED, MEANING, TABLE, WORDS, Phase, Trigger, diagram, page, step


def test_every_pair_is_decided() -> None:
    assert set(product(Phase, Trigger)) == TABLE.keys() | IGNORED


def test_no_pair_is_decided_twice() -> None:
    assert not TABLE.keys() & IGNORED


def test_every_phase_has_a_word_for_users() -> None:
    assert set(WORDS) == set(Phase)
    assert WORDS[Phase.CYCLING] is State.STOPPING


def test_a_start_during_a_stop_is_queued() -> None:
    phase, _ = step(Phase.STOPPING, Trigger.START)
    phase, _ = step(phase, Trigger.GONE)
    assert phase is Phase.WAITING


def test_a_stop_ends_a_backoff_at_once() -> None:
    assert step(Phase.BACKOFF, Trigger.STOP)[0] is Phase.STOPPED


def test_a_late_start_timer_cannot_touch_a_running_app() -> None:
    assert step(Phase.RUNNING, Trigger.TIMEOUT) == (Phase.RUNNING, ())


@given(st.lists(st.sampled_from(list(Trigger)), max_size=40))
def test_a_crash_is_never_shown_as_running(triggers: list[Trigger]) -> None:
    phase = Phase.STOPPED
    for trigger in triggers:
        before = phase
        phase, _ = step(phase, trigger)
        if trigger is Trigger.RETRYING and before in (Phase.STARTING, Phase.RUNNING, Phase.READY):
            assert phase is Phase.BACKOFF


@given(st.lists(st.sampled_from(list(Trigger)), max_size=40))
def test_stop_then_gone_always_comes_to_rest(triggers: list[Trigger]) -> None:
    phase = Phase.STOPPED
    for trigger in triggers:
        phase, _ = step(phase, trigger)
    phase, _ = step(phase, Trigger.STOP)
    phase, _ = step(phase, Trigger.GONE)
    assert phase in (Phase.STOPPED, Phase.FATAL, Phase.DONE)


def test_the_diagram_shows_every_row() -> None:
    assert diagram().count("-->") == len(TABLE)


def test_every_trigger_is_explained() -> None:
    assert set(MEANING) == set(Trigger)


def test_the_written_page_is_current() -> None:
    written = Path(__file__).resolve().parents[3] / "docs" / "reference" / "lifecycle.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: python -P -m viscript.reference docs/reference"
    )
