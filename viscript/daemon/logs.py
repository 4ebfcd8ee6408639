"""The daemon's own log: a file that rotates, and stderr in the foreground.

A thousand apps that start write thousands of lines in a second: a line is formed once for both, the second it
was written in is formatted once, and the file's size is counted instead of asked for.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 5 * 1024 * 1024
BACKUPS: Final = 3
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_SECOND: Final = "%Y-%m-%d %H:%M:%S"


def open_log(path: str, *, foreground: bool) -> None:
    """Log to `path`, and to stderr as well when somebody watches. A full disk is survived."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handler = LogFile(path, also=_to_stderr if foreground else None)
    handler.setFormatter(_Lines(FORMAT))
    root.addHandler(handler)


class LogFile(logging.Handler):
    """Writes whole lines to a file, and whatever else shall have them; a full file becomes `path`.1."""

    def __init__(self, path: str, *, also: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self._path = path
        self._also = also
        self._fd = self._size = -1
        self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a fault in doing so harms nobody."""
        try:
            line = f"{self.format(record)}\n"
            data = line.encode(errors="backslashreplace")
            if self._also is not None:
                self._also(line)
            if self._size and self._size + len(data) > MAX_BYTES:
                self._rotate()
            self._size += os.write(self._fd, data)
        except Exception:  # noqa: BLE001 (a log that cannot be written must not stop what it tells of)
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        self.acquire()
        try:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        finally:
            self.release()
        super().close()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """Each file takes the next number; the last one goes."""
        for number in range(BACKUPS, 0, -1):
            source = Path(f"{self._path}.{number - 1}" if number > 1 else self._path)
            if source.exists():
                source.replace(f"{self._path}.{number}")
        os.close(self._fd)
        self._open()


class _Lines(logging.Formatter):
    """Forms the date and time of a second once."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self._second = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Local time with milliseconds."""
        second = int(record.created)
        if second != self._second[0]:
            self._second = (second, time.strftime(_SECOND, time.localtime(second)))
        return f"{self._second[1]},{int(record.msecs):03d}"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
