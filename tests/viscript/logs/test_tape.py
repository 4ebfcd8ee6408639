import os
from pathlib import Path

import pytest

from tests.support.log_folder import SECOND, START_NS, LogFolder, numbered
from viscript.logs.lines import LINE_MAX
from viscript.logs.tape import BLOCK, Tape

LINE = len(b"line 000000\n")


@pytest.fixture
def rotated(tmp_path: Path) -> Tape:
    """100 lines in segments of 100 bytes: lines lie across their ends; a block is ten lines."""
    folder = LogFolder(tmp_path / "1-app", max_bytes=100, backups=50)
    for first in range(0, 100, 10):
        folder.write(numbered(first, first + 10))
    folder.close()
    return Tape(folder.path, "out")


def test_offsets_count_all_bytes(rotated: Tape) -> None:
    assert (rotated.oldest(), rotated.end()) == (0, 100 * LINE)


def test_a_missing_folder_is_an_empty_tape(tmp_path: Path) -> None:
    tape = Tape(str(tmp_path / "none"), "out")
    assert (tape.oldest(), tape.end(), tape.before_last(5), tape.at_time(0)) == (0, 0, 0, 0)
    assert list(tape.back(100)) == []


def test_going_back_gives_every_byte_once(rotated: Tape) -> None:
    for position in (0, 1, 99, 100, 101, 777, 1200, 5000):
        blocks = list(rotated.back(position))
        data = b"".join(block for _, block in reversed(blocks))
        assert data == numbered(0, 100)[:position]


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 50, 99, 100, 101, 1000])
def test_the_last_lines_begin_at_a_line(rotated: Tape, count: int) -> None:
    assert rotated.before_last(count) == max(0, 100 - count) * LINE


def test_an_unfinished_line_counts_as_one(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "1-app")
    folder.write(b"one\ntwo\nthr")
    folder.close()
    tape = Tape(folder.path, "out")
    assert [tape.before_last(count) for count in (1, 2, 3, 4)] == [8, 4, 0, 0]


def test_lines_longer_than_a_block_are_found(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "1-app")
    folder.write(b"a\n" + b"b" * (2 * BLOCK) + b"\nc\n")
    folder.close()
    tape = Tape(folder.path, "out")
    assert tape.before_last(1) == 2 + 2 * BLOCK + 1
    assert tape.before_last(2) == 2
    assert tape.line_start(2 + BLOCK) == 2


def test_the_search_for_a_start_is_bounded(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "1-app", max_bytes=1 << 24)
    folder.write(b"x" * (LINE_MAX * 4))
    folder.close()
    assert Tape(folder.path, "out").line_start(LINE_MAX * 3) >= LINE_MAX * 2 - BLOCK


def test_a_time_leads_to_its_first_line(rotated: Tape) -> None:
    for block in range(10):
        time_ns = START_NS + (block + 1) * SECOND
        assert rotated.at_time(time_ns) == block * 10 * LINE
        assert rotated.at_time(time_ns - 1) == block * 10 * LINE
    assert rotated.at_time(0) == 0
    assert rotated.at_time(1 << 62) == rotated.end()


def test_a_line_that_ended_since_is_given_whole(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "1-app")
    folder.write(b"old\nbegun ")
    folder.write(b"ended\nnew\n")
    folder.close()
    assert Tape(folder.path, "out").at_time(folder.now_ns) == 4


def test_without_an_index_the_change_of_the_file_decides(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "1-app", max_bytes=100, backups=50)
    folder.write(numbered(0, 20))
    folder.close()
    for path in (tmp_path / "1-app").glob("*.idx"):
        path.unlink()
    first, *_ = sorted((tmp_path / "1-app").glob("0*.log"))
    os.utime(first, ns=(START_NS, START_NS))
    assert Tape(folder.path, "out").at_time(START_NS + 1) == 8 * LINE


def test_other_files_are_no_segments(rotated: Tape) -> None:
    end = rotated.end()
    for name in ("current.txt", "1.log", "x" * 20 + ".log", "٠" * 20 + ".log", "0" * 21 + ".log"):
        (Path(rotated.folder) / name).write_bytes(b"no\n")
    (Path(rotated.folder) / f"{5:020d}.err.log").write_bytes(b"err\n")
    assert rotated.end() == end
    assert Tape(rotated.folder, "err").end() == 9


def test_a_folder_named_like_a_segment_has_no_bytes(tmp_path: Path) -> None:
    (tmp_path / f"{0:020d}.log").mkdir()
    tape = Tape(str(tmp_path), "out")
    assert list(tape.back(100)) == []
