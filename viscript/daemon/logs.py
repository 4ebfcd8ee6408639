"""The daemon's own log: a file that rotates, and stderr in the foreground."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from typing import Final

MAX_BYTES: Final = 5 * 1024 * 1024
BACKUPS: Final = 3
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


def open_log(path: str, *, foreground: bool) -> None:
    """Log to `path`, and to stderr as well when somebody watches. A full disk is survived."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS)
    ]
    if foreground:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
