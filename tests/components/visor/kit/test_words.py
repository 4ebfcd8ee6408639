"""Words on command lines."""

import argparse
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.kit import words


def test_the_seeds_words_stand_first() -> None:
    parser = words.parser("app", "mesh port", 3)
    assert vars(parser.parse_args([])) == {"name": "app", "visor": None, "port": 3}
    assert vars(parser.parse_args(["mine", "", "9"])) == {"name": "mine", "visor": None, "port": 9}
    assert parser.parse_args(["mine", "./app.sock"]).visor == "./app.sock"


def test_places_and_lists() -> None:
    assert words.place("[::1]:9") == ("::1", 9)
    assert words.place(":0") == ("127.0.0.1", 0)
    assert words.place_or_off("off") is None
    assert words.listed("a,b c") == ("a", "b", "c")


@given(st.text())
def test_any_text_is_a_port_a_place_or_refused(text: str) -> None:
    for read in (words.port, words.place):
        with suppress(argparse.ArgumentTypeError):
            assert read(text)


@pytest.mark.parametrize("text", ["0", "65536", "x", "", "\u0661"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no port"):
        words.port(text)
