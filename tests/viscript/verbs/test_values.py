import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.states import State
from viscript.verbs.table import Kind
from viscript.verbs.values import BadValue, convert, seconds, signal_number, size


@pytest.mark.parametrize(
    "word, value",
    [("1.5", 1.5), ("1.5s", 1.5), ("500ms", 0.5), ("2m", 120), ("1h30m", 5400), ("1d", 86400), ("0", 0)],
)
def test_a_time_is_read(word: str, value: float) -> None:
    assert seconds(word) == pytest.approx(value)


@pytest.mark.parametrize("word", ["", "s", "-1", "1x", "1 s", "nan", "inf", "1e3", "9" * 500, "1.s"])
def test_what_is_no_time_is_refused(word: str) -> None:
    with pytest.raises(BadValue):
        seconds(word)


@pytest.mark.parametrize(
    "word, value",
    [("512", 512), ("1KiB", 1024), ("64MiB", 64 << 20), ("10MB", 10_000_000), ("1.5k", 1500), ("2B", 2)],
)
def test_a_size_is_read(word: str, value: int) -> None:
    assert size(word) == value


@pytest.mark.parametrize("word", ["HUP", "hup", "SIGHUP", "sighup", "1"])
def test_a_signal_has_many_spellings(word: str) -> None:
    assert signal_number(word) == signal.SIGHUP


@pytest.mark.parametrize("word", ["", "FOO", "0", "999", "-9", "\u0661"])
def test_what_is_no_signal_is_refused(word: str) -> None:
    with pytest.raises(BadValue):
        signal_number(word)


def test_a_number_below_its_least_is_refused() -> None:
    with pytest.raises(BadValue, match="at least 1"):
        convert("0", "int", at_least=1)


def test_a_choice_must_be_one_of_them() -> None:
    with pytest.raises(BadValue, match="one of a, b"):
        convert("c", "text", choices=("a", "b"))


def test_state_words_become_states() -> None:
    assert convert("ready", "state") is State.READY


KINDS: tuple[Kind, ...] = ("text", "int", "float", "seconds", "size", "json", "signal", "state", "target")


@given(st.text(), st.sampled_from(KINDS))
def test_no_word_raises_anything_but_bad_value(word: str, kind: Kind) -> None:
    expected = "something"
    try:
        convert(word, kind)
    except BadValue as exc:
        expected = str(exc)
    assert expected
