"""The daemon's own log: in its file, on stderr when somebody watches, never in the way."""

import errno
import logging
import logging.handlers
from collections.abc import Iterator
from pathlib import Path

import pytest

from viscript.daemon.logs import open_log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
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


def test_a_full_disk_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_log(str(tmp_path / "daemon.log"), foreground=False)

    def full(handler: logging.Handler, record: logging.LogRecord) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logging.handlers.RotatingFileHandler, "shouldRollover", full)
    logging.getLogger("viscript.x").error("lost")
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        open_log(str(tmp_path / "missing" / "daemon.log"), foreground=False)
