"""The picture of a code holds the very squares of its QR code."""

import segno

from tests.support.pairings import code_of
from viscript.cluster.pairing.code import parse
from viscript.cluster.pairing.qr import QUIET, picture

TEXT = code_of().text()
UPPER = {"█": 0, "▀": 0, "▄": 1, " ": 1}
LOWER = {"█": 0, "▀": 1, "▄": 0, " ": 1}


def test_the_squares_are_those_of_the_code() -> None:
    rows = [
        [table[sign] for sign in line] for line in picture(TEXT, 100).splitlines() for table in (UPPER, LOWER)
    ]
    wanted = [
        [int(bool(one)) for one in row]
        for row in segno.make_qr(TEXT.upper(), error="l").matrix_iter(border=QUIET)
    ]
    assert rows[: len(wanted)] == wanted
    assert not any(square for row in rows[len(wanted) :] for square in row)


def test_what_a_camera_reads_is_the_code() -> None:
    assert parse(TEXT.upper()) == code_of()


def test_a_narrow_screen_gets_none() -> None:
    assert picture(TEXT, 20) == ""
