"""Modes and sizes of terminals between SSH and termios."""

import os
import struct
import termios
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.terminal import modes
from plugins.terminal.modes import CHARACTERS, LFLAG

VERASE, ECHO, ICANON, SPEED = 3, 53, 51, 128


@pytest.fixture
def terminal() -> Iterator[int]:
    master, slave = os.openpty()
    yield slave
    os.close(slave)
    os.close(master)


def test_what_is_told_of_a_terminal_makes_another_like_it(terminal: int) -> None:
    before = termios.tcgetattr(terminal)
    before[CHARACTERS][termios.VERASE] = b"\x08"
    before[LFLAG] &= ~termios.ECHO
    master, other = os.openpty()
    try:
        modes.apply(other, modes.told(before), (132, 43, 0, 0))
        after = termios.tcgetattr(other)
        assert after[CHARACTERS][termios.VERASE] == b"\x08"
        assert not after[LFLAG] & termios.ECHO
        assert after[LFLAG] & termios.ICANON
        assert os.get_terminal_size(other) == (132, 43)
    finally:
        os.close(other)
        os.close(master)


def test_a_character_may_be_none_at_all(terminal: int) -> None:
    attributes = termios.tcgetattr(terminal)
    changed = modes.changed(attributes, {VERASE: modes.DISABLED})
    assert changed[CHARACTERS][termios.VERASE] == b"\x00"
    assert modes.told(changed)[VERASE] == modes.DISABLED
    assert attributes[CHARACTERS][termios.VERASE] != b"\x00"  # what was given stays


def test_what_this_system_does_not_have_is_passed_over(terminal: int) -> None:
    attributes = termios.tcgetattr(terminal)
    assert modes.changed(attributes, {SPEED: 38400, 11: 5, 200: 1}) == attributes


def test_a_flag_may_be_set_and_cleared(terminal: int) -> None:
    attributes = termios.tcgetattr(terminal)
    assert not modes.changed(attributes, {ECHO: 0})[LFLAG] & termios.ECHO
    assert modes.changed(attributes, {ECHO: 7})[LFLAG] & termios.ECHO


def test_a_window_that_no_terminal_has_is_cut_to_what_fits() -> None:
    assert struct.unpack("HHHH", modes.window(2**32 - 1, 25, -1, 0)) == (25, 65535, 0, 0)


@given(st.dictionaries(st.integers(0, 255), st.integers(0, 2**32 - 1)))
def test_no_modes_of_a_client_do_harm(asked: dict[int, int]) -> None:
    master, slave = os.openpty()
    try:
        modes.apply(slave, asked, (2**32 - 1, 0, 2**32 - 1, 0))
        assert set(modes.told(termios.tcgetattr(slave))) >= {VERASE, ECHO, ICANON}
    finally:
        os.close(slave)
        os.close(master)


def test_the_parity_of_a_serial_line_is_told_and_not_asked_of_a_terminal_without_one(terminal: int) -> None:
    modes.apply(terminal, {92: 1, 93: 1}, (80, 25, 0, 0))
    assert {92, 93} <= modes.told(termios.tcgetattr(terminal)).keys()
