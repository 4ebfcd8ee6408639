import os
import threading
import time
from pathlib import Path

import pytest

from viscript.config.textfile import read_bytes, read_plain


def test_a_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 200_000)
    assert read_bytes(str(tmp_path / "f"), 1_000_000) == b"x" * 200_000
    assert len(read_bytes(str(tmp_path / "f"), 100_001)) == 100_001
    assert len(read_bytes("/dev/zero", 100_001)) == 100_001
    assert read_bytes("/dev/null", 10) == b""


def test_a_pipe_nobody_writes_to_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="no plain file"):
        read_bytes(str(tmp_path / "p"), 100, patience_s=0.05)
    assert time.monotonic() - started < 20


def test_a_pipe_that_is_written_late_is_read_whole(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    writing = threading.Thread(target=(tmp_path / "p").write_bytes, args=(b"x" * 300_000,))
    writing.start()
    assert read_bytes(str(tmp_path / "p"), 1_000_000, patience_s=10) == b"x" * 300_000
    writing.join()


@pytest.mark.parametrize("name, reason", [("missing", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        read_bytes(str(tmp_path / name), 10)
    with pytest.raises(ValueError, match="null"):
        read_bytes("a\0b", 10)


def test_only_a_plain_file_is_opened_for_a_name_that_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123")
    os.mkfifo(tmp_path / "p")
    assert read_plain(str(tmp_path / "f"), 2) == b"12"
    for name in (str(tmp_path / "p"), "/dev/zero", str(tmp_path)):
        with pytest.raises(OSError, match="no plain file"):
            read_plain(name, 10)
