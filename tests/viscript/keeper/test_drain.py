"""Moving output into the log, with an app that never blocks."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from viscript.keeper.drain import (
    LOOK_S,
    RETRY_S,
    Drain,
    Ended,
    LostError,
    Move,
    Note,
    Paused,
    Resumed,
    Watch,
    copy,
)
from viscript.keeper.linux import Linux
from viscript.keeper.segments import OUT, Segments, file_name


@pytest.fixture(params=["splice", "copy"])
def move(request: pytest.FixtureRequest) -> Move:
    return Linux(1).move if request.param == "splice" else copy


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield read, write
    os.close(read)
    os.close(write)


class Disk:
    """A move that refuses when told to."""

    def __init__(self, move: Move) -> None:
        self._move = move
        self.full = False

    def __call__(self, source: int, file: int, offset: int, most: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "full")
        return self._move(source, file, offset, most)


def log_in(folder: Path, max_bytes: int = 1 << 20) -> Segments:
    return Segments(str(folder), OUT, max_bytes=max_bytes, backups=99)


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("0*.log")))


def test_what_is_written_is_in_the_log(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    drain = Drain(pipe[0], log_in(tmp_path), move)
    os.write(pipe[1], b"hello\n")
    assert drain.pump(0.0) == []
    assert contents(tmp_path) == b"hello\n"
    assert (drain.drained, drain.end) == (6, 6)


def test_it_rotates_exactly(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    drain = Drain(pipe[0], log_in(tmp_path, 4096), move)
    data = os.urandom(20_000)
    os.write(pipe[1], data)
    drain.pump(0.0)
    assert contents(tmp_path) == data
    assert len(list(tmp_path.glob("0*.log"))) == 5


def test_one_turn_moves_no_more_than_its_budget(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    drain = Drain(pipe[0], log_in(tmp_path), move)
    os.write(pipe[1], b"x" * 10_000)
    drain.pump(0.0, 4096)
    assert drain.drained == 4096


def test_a_silent_app_gets_no_folder(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    Drain(pipe[0], log_in(tmp_path / "7"), move).pump(0.0)
    assert not (tmp_path / "7").exists()


def test_a_full_disk_pauses_the_log_and_drains_on(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    disk = Disk(move)
    drain = Drain(pipe[0], log_in(tmp_path), disk)
    os.write(pipe[1], b"before ")
    drain.pump(0.0)
    disk.full = True
    os.write(pipe[1], b"lost")
    assert drain.pump(1.0) == [Paused(errno.ENOSPC)]
    os.write(pipe[1], b"lost")
    notes: list[Note] = drain.pump(1.0 + RETRY_S / 2)
    assert (notes, drain.paused, drain.lost) == ([], True, 8)
    disk.full = False
    os.write(pipe[1], b"after")
    assert drain.pump(1.0 + RETRY_S) == [Resumed(8)]
    assert contents(tmp_path) == b"before after"
    assert (drain.paused, drain.drained) == (False, 20)


def test_bytes_that_had_left_the_pipe_are_counted_as_lost(tmp_path: Path, pipe: tuple[int, int]) -> None:
    def refuse(source: int, file: int, offset: int, most: int) -> int:
        error = LostError(errno.ENOSPC, "full")
        error.lost = len(os.read(source, most))
        raise error

    drain = Drain(pipe[0], log_in(tmp_path), refuse)
    os.write(pipe[1], b"12345")
    assert drain.pump(0.0) == [Paused(errno.ENOSPC)]
    assert drain.lost == 5


def test_a_folder_that_cannot_be_made_pauses_the_log(tmp_path: Path, pipe: tuple[int, int]) -> None:
    (tmp_path / "file").write_text("")
    drain = Drain(pipe[0], log_in(tmp_path / "file" / "7"), copy)
    os.write(pipe[1], b"x")
    assert drain.pump(0.0) == [Paused(errno.ENOTDIR)]


def test_without_a_log_output_is_dropped(pipe: tuple[int, int]) -> None:
    drain = Drain(pipe[0], None, copy)
    os.write(pipe[1], b"12345")
    assert drain.pump(0.0) == []
    assert (drain.drained, drain.lost, drain.end) == (5, 0, 5)


def test_a_terminal_whose_other_side_is_gone_has_ended(tmp_path: Path) -> None:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    os.write(slave, b"last")
    os.close(slave)
    drain = Drain(master, log_in(tmp_path), copy)
    assert drain.pump(0.0) == [Ended()]
    assert contents(tmp_path) == b"last"
    os.close(master)


def test_growth_is_told_at_most_every_20_ms() -> None:
    watch = Watch()
    assert watch.due(5, 100.0)
    watch.told(5, 100.0)
    assert not watch.due(5, 200.0)
    assert not watch.due(6, 100.01)
    assert watch.is_behind(6)
    assert watch.due(6, watch.next)


def test_a_log_folder_that_was_removed_is_made_anew(
    tmp_path: Path, pipe: tuple[int, int], move: Move
) -> None:
    folder = tmp_path / "7-app"
    drain = Drain(pipe[0], log_in(folder), move)
    os.write(pipe[1], b"before")
    drain.pump(0.0)
    shutil.rmtree(folder)
    os.write(pipe[1], b"after")
    assert drain.pump(LOOK_S) == []
    assert [path.name for path in folder.glob("0*.log")] == [file_name(6, OUT, "log")]
    assert contents(folder) == b"after"


def test_a_log_folder_that_was_renamed_is_made_anew(
    tmp_path: Path, pipe: tuple[int, int], move: Move
) -> None:
    folder = tmp_path / "7-app"
    drain = Drain(pipe[0], log_in(folder), move)
    os.write(pipe[1], b"before")
    drain.pump(0.0)
    folder.rename(tmp_path / "kept")
    os.write(pipe[1], b"after")
    drain.pump(LOOK_S)
    assert (contents(tmp_path / "kept"), contents(folder)) == (b"before", b"after")


def test_a_log_that_was_emptied_has_no_hole(tmp_path: Path, pipe: tuple[int, int], move: Move) -> None:
    drain = Drain(pipe[0], log_in(tmp_path), move)
    os.write(pipe[1], b"before")
    drain.pump(0.0)
    os.truncate(tmp_path / file_name(0, OUT, "log"), 0)
    os.write(pipe[1], b"after")
    drain.pump(LOOK_S)
    assert contents(tmp_path) == b"after"


def test_a_rotation_into_a_folder_that_is_gone_makes_it(
    tmp_path: Path, pipe: tuple[int, int], move: Move
) -> None:
    folder = tmp_path / "7-app"
    drain = Drain(pipe[0], log_in(folder, max_bytes=6), move)
    os.write(pipe[1], b"befo")
    drain.pump(0.0)
    shutil.rmtree(folder)
    os.write(pipe[1], b"reafter")
    assert drain.pump(0.1) == []
    assert contents(folder) == b"after"
