from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from viscript.logs.lines import LINE_MAX, Cutter, Line


def end_time(end: int) -> int:
    return end * 10


def test_lines_are_cut_at_every_split() -> None:
    data = b"one\n\ntwo\r\nthree\n"
    whole = list(Cutter("out").feed(100, data, end_time))
    assert [line.raw for line in whole] == [b"one\n", b"\n", b"two\r\n", b"three\n"]
    assert [line.start for line in whole] == [100, 104, 105, 110]
    for cut in range(len(data) + 1):
        cutter = Cutter("out")
        first = list(cutter.feed(100, data[:cut], end_time))
        assert first + list(cutter.feed(100 + cut, data[cut:], end_time)) == whole


def test_a_line_carries_the_time_of_its_end() -> None:
    (line,) = Cutter("out").feed(0, b"abc\n", end_time)
    assert line == Line("out", 0, 40, b"abc\n")
    assert line.end == 4


def test_the_rest_waits_and_can_be_flushed() -> None:
    cutter = Cutter("out")
    assert list(cutter.feed(0, b"name? ", end_time)) == []
    assert cutter.pending == 6
    (piece,) = cutter.flush(end_time)
    assert (piece.raw, piece.whole, cutter.pending) == (b"name? ", False, 0)
    assert cutter.flush(end_time) == []
    (rest,) = cutter.feed(6, b"Ann\n", end_time)
    assert (rest.start, rest.raw, rest.whole) == (6, b"Ann\n", True)


def test_a_gap_ends_the_line_before_it() -> None:
    cutter = Cutter("out")
    assert list(cutter.feed(0, b"cut off", end_time)) == []
    assert [line.raw for line in cutter.feed(500, b"later\n", end_time)] == [b"cut off", b"later\n"]


def test_an_endless_line_comes_in_bounded_pieces() -> None:
    cutter = Cutter("out")
    pieces: list[Line] = []
    block = b"x" * 65536
    for number in range(20):
        pieces += cutter.feed(number * len(block), block, end_time)
        assert cutter.pending < LINE_MAX
    assert b"".join(piece.raw for piece in pieces) == b"x" * (len(block) * 20)
    assert not any(piece.whole for piece in pieces)


def test_text_has_no_line_end_and_no_bad_bytes() -> None:
    assert Line("out", 0, 0, b"caf\xc3\xa9 \xff\r\n").text == "café �"


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_nothing_is_lost_or_doubled(blocks: list[bytes]) -> None:
    cutter = Cutter("out")
    lines: list[Line] = []
    start = 0
    for block in blocks:
        lines += cutter.feed(start, block, end_time)
        start += len(block)
    lines += cutter.flush(end_time)
    assert b"".join(line.raw for line in lines) == b"".join(blocks)
    assert all(line.raw.count(b"\n") <= 1 for line in lines)
    assert all(before.end == after.start for before, after in pairwise(lines))
