"""The daemon's own log: in its file, on stderr when somebody watches, never in the way."""

import errno
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from viscript.daemon import logs
from viscript.daemon.logs import open_log


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    logging.raiseExceptions = raising


def test_a_line_says_when_where_and_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    logging.getLogger("viscript.x").info("seq=%d state=%s", 7, "running")
    line = (tmp_path / "daemon.log").read_text()
    assert line.endswith("INFO viscript.x seq=7 state=running\n")
    assert capsys.readouterr().err == ""


def test_who_watches_sees_it_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_log(str(tmp_path / "daemon.log"), foreground=True)
    logging.getLogger("viscript.x").warning("look")
    assert "WARNING viscript.x look" in capsys.readouterr().err


def test_a_full_disk_is_survived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "daemon.log").symlink_to("/dev/full")
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    logging.getLogger("viscript.x").error("lost")
    assert capsys.readouterr().err == ""


def test_a_full_file_makes_room_for_the_next_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 100)
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    for number in range(6):
        logging.getLogger("viscript.x").info("line %d %s", number, "x" * 40)
    kept = {path.name: path.read_text().split()[5] for path in tmp_path.iterdir()}
    assert kept == {"daemon.log": "5", "daemon.log.1": "4", "daemon.log.2": "3", "daemon.log.3": "2"}


def no_more_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for another file, though for what is open there is."""
    really = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if not Path(path).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)


def test_without_room_for_the_next_the_full_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 100)
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    with monkeypatch.context() as patch:
        logging.getLogger("viscript.x").info("line 0 %s", "x" * 40)
        no_more_files(patch)
        for number in range(1, 4):
            logging.getLogger("viscript.x").info("line %d %s", number, "x" * 40)
    assert [path.name for path in tmp_path.iterdir()] == ["daemon.log"]
    assert (tmp_path / "daemon.log").read_text().count("line") == 4
    logging.getLogger("viscript.x").info("line 4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["daemon.log", "daemon.log.1"]


def test_a_log_for_which_there_was_no_room_begins_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        no_more_files(patch)
        open_log(str(tmp_path / "daemon.log"), foreground=False)
        logging.getLogger("viscript.x").info("line 0")
    logging.getLogger("viscript.x").info("line 1")
    assert "line 1" in (tmp_path / "daemon.log").read_text()


def test_a_file_that_is_there_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").write_text("before\n")
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    logging.getLogger("viscript.x").info("after")
    assert len((tmp_path / "daemon.log").read_text().splitlines()) == 2


def test_an_exception_is_told_with_its_traceback(tmp_path: Path) -> None:
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("viscript.x").exception("failed")
    assert "ValueError: wrong" in (tmp_path / "daemon.log").read_text()


def test_the_time_is_that_of_the_record(tmp_path: Path) -> None:
    open_log(str(tmp_path / "daemon.log"), foreground=False)
    logging.getLogger("viscript.x").info("one")
    logging.getLogger("viscript.x").info("two")
    for line in (tmp_path / "daemon.log").read_text().splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO ", line)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        open_log(str(tmp_path / "missing" / "daemon.log"), foreground=False)


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[list[Callable[[], None]]]:
    """A loop's `call_soon`: what is to be called at the end of the turn."""
    later: list[Callable[[], None]] = []
    lines = open_log(str(tmp_path / "daemon.log"), foreground=False)
    with lines.gathered(later.append):
        yield later


def written(folder: Path) -> list[str]:
    return [line.split()[-1] for line in (folder / "daemon.log").read_text().splitlines()]


def test_what_one_turn_of_the_loop_says_is_written_together(
    tmp_path: Path, turn: list[Callable[[], None]]
) -> None:
    log = logging.getLogger("viscript.x")
    log.info("one")
    log.info("two")
    assert written(tmp_path) == []
    (write,) = turn
    write()
    assert written(tmp_path) == ["one", "two"]
    log.info("three")
    assert turn == [write, write]


def test_a_warning_waits_for_nothing_and_comes_after_what_was_said_before(
    tmp_path: Path, turn: list[Callable[[], None]]
) -> None:
    logging.getLogger("viscript.x").info("one")
    logging.getLogger("viscript.x").warning("two")
    assert written(tmp_path) == ["one", "two"]
    turn.pop()()
    assert written(tmp_path) == ["one", "two"]


def test_another_thread_waits_for_no_turn(tmp_path: Path, turn: list[Callable[[], None]]) -> None:
    thread = threading.Thread(target=lambda: logging.getLogger("viscript.x").info("one"))
    thread.start()
    thread.join()
    assert written(tmp_path) == ["one"]
    assert not turn


def test_no_more_is_gathered_than_a_bound(tmp_path: Path, turn: list[Callable[[], None]]) -> None:
    for number in range(logs.MOST_GATHERED + 1):
        logging.getLogger("viscript.x").info("%d", number)
    assert len(written(tmp_path)) == logs.MOST_GATHERED


def test_nothing_is_left_unwritten_when_the_loop_ends(tmp_path: Path) -> None:
    lines = open_log(str(tmp_path / "daemon.log"), foreground=False)
    with lines.gathered(lambda call: None):
        logging.getLogger("viscript.x").info("one")
    assert written(tmp_path) == ["one"]


def test_a_full_disk_is_survived_at_the_end_of_a_turn(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").symlink_to("/dev/full")
    lines = open_log(str(tmp_path / "daemon.log"), foreground=False)
    with lines.gathered(lambda call: None):
        logging.getLogger("viscript.x").info("lost")
