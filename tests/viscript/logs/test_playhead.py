from pathlib import Path

import psutil

from tests.support.log_folder import START_NS, LogFolder, numbered
from viscript.logs.playhead import Playhead
from viscript.logs.tape import Tape


def read_all(head: Playhead, size: int = 64) -> bytes:
    data = b""
    while block := head.read(size):
        assert block.start + len(block.data) == head.position
        data += block.data
    return data


def test_it_reads_across_segments_and_goes_on(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, max_bytes=100, backups=50)
    head = Playhead(Tape(str(tmp_path), "out"), 0)
    assert head.read() is None
    folder.write(numbered(0, 30))
    assert read_all(head) == numbered(0, 30)
    folder.write(numbered(30, 60))
    assert read_all(head) == numbered(30, 60)
    head.close()
    folder.close()


def test_rotation_does_not_take_the_segment_away(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, max_bytes=120, backups=1)
    folder.write(numbered(0, 10))
    head = Playhead(Tape(str(tmp_path), "out"), 0)
    first = head.read(12)
    folder.write(numbered(10, 40))
    assert first is not None
    assert first.data + (rest := read_all(head)) == numbered(0, 10) + numbered(20, 40)
    assert len(rest) == 29 * 12
    head.close()
    folder.close()


def test_a_start_before_the_oldest_jumps_to_it(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, max_bytes=120, backups=1)
    folder.write(numbered(0, 40))
    head = Playhead(Tape(str(tmp_path), "out"), 5)
    block = head.read(12)
    assert block is not None
    assert (block.start, block.data) == (240, numbered(20, 21))
    head.close()
    folder.close()


def test_bytes_written_just_before_a_rotation_are_read(tmp_path: Path) -> None:
    """The writer fills the segment and rotates between the reader's look at the bytes and at the folder."""
    folder = LogFolder(tmp_path, max_bytes=120, backups=5)
    folder.write(numbered(0, 5))

    class Rotating(Tape):
        def segments(self) -> list[int]:
            if not head_is_new:
                folder.write(numbered(5, 15))
                head_is_new.append(True)
            return super().segments()

    head_is_new: list[bool] = [True]
    head = Playhead(Rotating(str(tmp_path), "out"), 0)
    assert head.read() is not None
    head_is_new.clear()
    assert read_all(head) == numbered(5, 15)
    head.close()
    folder.close()


def test_a_byte_has_the_time_of_its_block_else_of_the_file(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(b"one\n", at_ns=START_NS)
    folder.close()
    head = Playhead(Tape(str(tmp_path), "out"), 0)
    assert head.time_of(4) == 0
    head.read()
    assert head.time_of(4) == START_NS
    with (tmp_path / f"{0:020d}.log").open("ab") as log:
        log.write(b"two\n")
    head.read()
    assert head.time_of(8) == (tmp_path / f"{0:020d}.log").stat().st_mtime_ns
    head.close()


def test_closing_leaves_nothing_open(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(b"one\n")
    folder.close()
    before = psutil.Process().num_fds()
    head = Playhead(Tape(str(tmp_path), "out"), 0)
    head.read()
    head.close()
    assert psutil.Process().num_fds() == before


def test_a_folder_named_like_a_segment_is_no_end(tmp_path: Path) -> None:
    (tmp_path / f"{0:020d}.log").mkdir()
    (tmp_path / f"{5:020d}.log").write_bytes(b"here\n")
    head = Playhead(Tape(str(tmp_path), "out"), 0)
    assert read_all(head) == b"here\n"
    head.close()
