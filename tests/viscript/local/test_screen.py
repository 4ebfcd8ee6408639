"""What the caller's terminal can show, and writing to it."""

import os
import threading

import pytest

from viscript.local.screen import Screen, speaks_utf8, wants_colour, write, write_bytes


@pytest.mark.parametrize(
    "environ, utf8",
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LANG": "de_DE.ISO-8859-1", "LC_CTYPE": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_CTYPE": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # set by the interpreter itself
    ],
)
def test_the_locale_tells_whether_utf8_can_be_shown(environ: dict[str, str], utf8: bool) -> None:
    assert speaks_utf8(environ) is utf8


@pytest.mark.parametrize(
    "environ, choice, terminal, colour",
    [
        ({}, "auto", True, True),
        ({}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", True, False),
        ({"NO_COLOR": ""}, "auto", True, True),
        ({"TERM": "dumb"}, "auto", True, False),
        ({"NO_COLOR": "1"}, "always", False, True),
        ({}, "never", True, False),
    ],
)
def test_colour_is_for_terminals_unless_asked_otherwise(
    environ: dict[str, str], choice: str, terminal: bool, colour: bool
) -> None:
    assert wants_colour(environ, choice, terminal=terminal) is colour


@pytest.mark.parametrize("given, columns", [("133", 133), ("0", None), ("-5", None), ("wide", None)])
def test_columns_of_the_environment_count_when_they_are_a_number(given: str, columns: int | None) -> None:
    assert Screen({"COLUMNS": given}).columns == (columns or Screen({}).columns)


def test_text_a_narrow_terminal_cannot_show_is_marked() -> None:
    reader, writer = os.pipe()
    write(writer, "wörld \ud800", narrow=True)
    write(writer, "wörld", narrow=False)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"w?rld ?" + "wörld".encode()


def test_all_is_written_to_a_pipe_somebody_made_non_blocking() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = b"x" * 1_000_000
    read: list[bytes] = []

    def drain() -> None:
        with os.fdopen(reader, "rb") as file:
            read.append(file.read())

    thread = threading.Thread(target=drain)
    thread.start()
    write_bytes(writer, data)
    os.close(writer)
    thread.join(10)
    assert read == [data]
