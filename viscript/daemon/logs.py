"""The daemon's own log: a file that rotates, and stderr in the foreground.

A thousand apps that start write thousands of lines in a second: a line is formed once for both, the second it
was written in is formatted once, the file's size is counted instead of asked for, and what one turn of the
loop says is written together. A warning never waits.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 5 * 1024 * 1024
BACKUPS: Final = 3
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
MOST_GATHERED: Final = 256  # lines
_SECOND: Final = "%Y-%m-%d %H:%M:%S"


Later = Callable[[Callable[[], None]], object]  # `call_soon` of a loop


def open_log(path: str, *, foreground: bool) -> LogFile:
    """Log to `path`, and to stderr as well when somebody watches. A full disk is survived."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handler = LogFile(path, also=_to_stderr if foreground else None)
    handler.setFormatter(_Lines(FORMAT))
    root.addHandler(handler)
    _note_less()
    return handler


def _note_less() -> None:
    """Do not look up what no line of ours shows; the logging manual names these switches for it."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class LogFile(logging.Handler):
    """Writes whole lines to a file, and whatever else shall have them; a full file becomes `path`.1."""

    def __init__(self, path: str, *, also: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self._path = path
        self._also = also
        self._lines: list[str] = []
        self._later: Later | None = None
        self._thread = 0  # the one that gathers
        self._fd = self._size = -1
        try:
            self._open()
        except OSError as exc:
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    @contextmanager
    def gathered(self, later: Later) -> Iterator[None]:
        """In here, lines of this thread wait for the end of the loop's turn, but for warnings."""
        self._later, self._thread = later, threading.get_ident()
        try:
            yield
        finally:
            self._later = None
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or have it written soon; a fault in doing so harms nobody."""
        try:
            self._lines.append(f"{self.format(record)}\n")
            if self._later is None or not self._may_wait(record):
                self._write()
            elif len(self._lines) == 1:
                self._later(self.flush)
        except Exception:  # noqa: BLE001 (a log that cannot be written must not stop what it tells of)
            self.handleError(record)

    def _may_wait(self, record: logging.LogRecord) -> bool:
        calm = record.levelno < logging.WARNING and len(self._lines) < MOST_GATHERED
        return calm and threading.get_ident() == self._thread

    def flush(self) -> None:
        """Write what waits."""
        self.acquire()
        try:
            self._write()
        except Exception:  # noqa: BLE001 (as in `emit`)
            return
        finally:
            self.release()

    def _write(self) -> None:
        text, self._lines = "".join(self._lines), []
        if not text:
            return
        data = text.encode(errors="backslashreplace")
        if self._also is not None:
            self._also(text)
        if self._fd < 0:
            self._open()  # the disk was full
        if self._size and self._size + len(data) > MAX_BYTES:
            self._rotate()
        self._size += os.write(self._fd, data)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.flush()
        self.acquire()
        try:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        finally:
            self.release()
        super().close()

    def _open(self) -> None:
        self._fd = _appended(self._path)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """Each file takes the next number; the last goes. Without room for another the old one goes on."""
        draft = f"{self._path}.new"
        try:
            fd = _appended(draft)
        except OSError:
            return
        for number in range(BACKUPS, 0, -1):
            source = Path(f"{self._path}.{number - 1}" if number > 1 else self._path)
            if source.exists():
                source.replace(f"{self._path}.{number}")
        Path(draft).replace(self._path)
        os.close(self._fd)
        self._fd, self._size = fd, 0


def _appended(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


class _Lines(logging.Formatter):
    """Forms the date and time of a second once, and a plain line in one go."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self._second = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback where there is one."""
        if record.exc_info or record.exc_text or record.stack_info:
            return super().format(record)
        return f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Local time with milliseconds."""
        second = int(record.created)
        if second != self._second[0]:
            self._second = (second, time.strftime(_SECOND, time.localtime(second)))
        return f"{self._second[1]},{int(record.msecs):03d}"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
