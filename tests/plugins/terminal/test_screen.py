"""The local terminal."""

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from plugins.terminal import modes, screen


@pytest.fixture
def terminal() -> Iterator[int]:
    master, slave = pty.openpty()
    yield slave
    os.close(slave)
    os.close(master)


def test_its_size_and_modes_are_told(terminal: int) -> None:
    modes.resize(terminal, (101, 37, 0, 0))
    assert screen.size(terminal) == (101, 37, 0, 0)
    assert screen.modes_of(terminal) == modes.told(termios.tcgetattr(terminal))


def test_keys_come_raw_and_all_is_put_back(terminal: int) -> None:
    before = termios.tcgetattr(terminal)
    with screen.raw(terminal):
        assert not termios.tcgetattr(terminal)[modes.LFLAG] & (termios.ECHO | termios.ISIG)
    assert termios.tcgetattr(terminal) == before


def test_what_is_no_terminal_stays_as_it_is() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        assert screen.size(null) == (80, 24, 0, 0)
        assert screen.modes_of(null) == {}
        with screen.raw(null):
            pass
    finally:
        os.close(null)
