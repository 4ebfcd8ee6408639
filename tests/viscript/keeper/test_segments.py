"""Log segments on disk."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.segments import (
    ERR,
    INDEX_RECORD,
    OUT,
    Name,
    Segments,
    file_name,
    parse_name,
    segments_in,
)


def written(log: Segments, data: bytes, wall_ns: int = 1) -> None:
    """What a drain does."""
    while data:
        log.make_ready()
        piece = data[: log.room]
        with open(f"/proc/self/fd/{log.fd}", "r+b") as file:
            file.seek(log.position)
            file.write(piece)
        log.advance(len(piece), wall_ns)
        data = data[len(piece) :]


def whole(folder: Path, stream: str = OUT) -> bytes:
    offsets = segments_in(str(folder), stream)
    return b"".join((folder / file_name(offset, stream, "log")).read_bytes() for offset in offsets)


@pytest.mark.parametrize("stream", [OUT, ERR])
@pytest.mark.parametrize("kind", ["log", "idx"])
def test_a_name_says_what_it_was_made_from(stream: str, kind: str) -> None:
    assert parse_name(file_name(10485760, stream, kind)) == Name(10485760, stream, kind)


def test_names_sort_as_their_offsets() -> None:
    offsets = [0, 9, 10, 10**12, 10**19]
    assert sorted(offsets) == sorted(offsets, key=lambda offset: file_name(offset, OUT, "log"))


@given(st.text())
def test_a_foreign_name_is_none(name: str) -> None:
    parsed = parse_name(name)
    assert parsed is None or file_name(*parsed) == name


def test_nothing_is_made_before_the_first_byte(tmp_path: Path) -> None:
    Segments(str(tmp_path / "7-x"), OUT, max_bytes=10, backups=1)
    assert not (tmp_path / "7-x").exists()


def test_rotation_keeps_the_order_and_the_wanted_number(tmp_path: Path) -> None:
    log = Segments(str(tmp_path), OUT, max_bytes=10, backups=2)
    written(log, bytes(range(55)))
    assert segments_in(str(tmp_path), OUT) == [30, 40, 50]
    assert whole(tmp_path) == bytes(range(30, 55))
    assert (tmp_path / "current.log").read_bytes() == bytes(range(50, 55))
    assert not (tmp_path / file_name(0, OUT, "idx")).exists()


def test_a_next_writer_goes_on_at_the_end(tmp_path: Path) -> None:
    first = Segments(str(tmp_path), OUT, max_bytes=10, backups=9)
    written(first, b"0123456789abc")
    first.close()
    second = Segments(str(tmp_path), OUT, max_bytes=10, backups=9)
    written(second, b"defghijklmnop")
    assert whole(tmp_path) == b"0123456789abcdefghijklmnop"
    assert second.end == 26


def test_the_index_tells_when_a_block_ended(tmp_path: Path) -> None:
    log = Segments(str(tmp_path), OUT, max_bytes=100, backups=1)
    written(log, b"one", 111)
    written(log, b"three", 222)
    data = (tmp_path / file_name(0, OUT, "idx")).read_bytes()
    assert list(INDEX_RECORD.iter_unpack(data)) == [(3, 111), (8, 222)]


def test_a_torn_index_record_is_written_over(tmp_path: Path) -> None:
    log = Segments(str(tmp_path), OUT, max_bytes=100, backups=1)
    written(log, b"one", 111)
    log.close()
    index = tmp_path / file_name(0, OUT, "idx")
    index.write_bytes(index.read_bytes() + b"torn")
    written(Segments(str(tmp_path), OUT, max_bytes=100, backups=1), b"two", 222)
    assert list(INDEX_RECORD.iter_unpack(index.read_bytes())) == [(3, 111), (6, 222)]


def test_streams_do_not_see_each_other(tmp_path: Path) -> None:
    out = Segments(str(tmp_path), OUT, max_bytes=100, backups=1)
    err = Segments(str(tmp_path), ERR, max_bytes=100, backups=1)
    written(out, b"out")
    written(err, b"err")
    assert (whole(tmp_path, OUT), whole(tmp_path, ERR)) == (b"out", b"err")
    assert (tmp_path / "current.err.log").read_bytes() == b"err"


def test_a_file_the_user_asked_for_shows_the_newest_segment(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "app.log"
    log = Segments(str(tmp_path / "7"), OUT, max_bytes=10, backups=1, file=str(file))
    written(log, b"0123456789abc")
    assert file.read_bytes() == b"abc"


def test_a_file_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text("mine")
    written(Segments(str(tmp_path / "7"), OUT, max_bytes=10, backups=1, file=str(file)), b"x")
    assert file.read_text() == "mine"


def test_new_limits_hold_from_the_next_byte(tmp_path: Path) -> None:
    log = Segments(str(tmp_path), OUT, max_bytes=100, backups=9)
    written(log, b"0123456789")
    log.set_limits(5, 9)
    written(log, b"abcdefg")
    assert segments_in(str(tmp_path), OUT) == [0, 10, 15]
