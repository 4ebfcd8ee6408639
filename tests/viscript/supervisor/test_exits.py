"""Ends in words."""

import pytest

from viscript.supervisor.api import Exit
from viscript.supervisor.exits import exit_words, signal_name


@pytest.mark.parametrize(
    "end,words",
    [
        (None, "ended, its exit code is unknown"),
        (Exit(), "ended, its exit code is unknown"),
        (Exit(code=0), "exit status 0"),
        (Exit(code=3), "exit status 3"),
        (Exit(code=126), "exit status 126 (the command could not be executed)"),
        (Exit(code=127), "exit status 127 (the command was not found)"),
        (Exit(signal=11), "killed by signal 11 (SIGSEGV)"),
        (Exit(signal=77), "killed by signal 77 (signal 77)"),
    ],
)
def test_every_end_has_its_words(end: Exit | None, words: str) -> None:
    assert exit_words(end) == words


def test_a_signal_without_a_name_keeps_its_number() -> None:
    assert signal_name(9) == "SIGKILL"
    assert signal_name(200) == "signal 200"
