"""The local terminal of a session: its size and modes, its keys passed on raw, all put back at the end."""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from plugins.terminal import modes

Size = tuple[int, int, int, int]


def size(terminal: int) -> Size:
    """Columns and rows; 80 by 24 where that is no terminal."""
    try:
        columns, rows = os.get_terminal_size(terminal)
    except OSError:
        return 80, 24, 0, 0
    return columns, rows, 0, 0


def modes_of(terminal: int) -> dict[int, int]:
    """What to tell the server of it; nothing where that is no terminal."""
    try:
        return modes.told(termios.tcgetattr(terminal))
    except termios.error:
        return {}


@contextmanager
def raw(terminal: int) -> Iterator[None]:
    """Each key as it is pressed, Ctrl-C too; where that is no terminal, as it is."""
    try:
        before = termios.tcgetattr(terminal)
    except termios.error:
        yield
        return
    tty.setraw(terminal, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
