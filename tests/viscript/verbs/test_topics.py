from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.topics import CODES, STATES, TOPICS


def test_every_code_and_every_state_is_explained() -> None:
    assert set(CODES) == set(ExitCode)
    assert set(STATES) == set(State)


def test_topics_fit_a_screen() -> None:
    for text in TOPICS.values():
        assert len(text.splitlines()) <= 24
        assert max(map(len, text.splitlines())) <= 110
