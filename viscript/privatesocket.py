"""A unix socket that this user alone may connect to."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def listening(path: str | Path, backlog: int) -> socket.socket:
    """Non-blocking, in place of one that a killed daemon left at `path`. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    made = socket.socket(socket.AF_UNIX)
    try:
        made.setblocking(False)
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(backlog)
    except BaseException:
        made.close()
        raise
    return made
