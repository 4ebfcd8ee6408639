"""Reading a file that somebody named: never more than so much, never for ever.

A pipe (`--config <(generate)`) has its text in a moment; one that nobody writes to, or a terminal, would hold
its reader for good. So all but plain files are read within a deadline.
"""

import errno
import os
import select
import stat
import time
from typing import Final

PATIENCE_S: Final = 2.0
_CHUNK: Final = 1 << 16


def read_bytes(file: str, most: int, *, patience_s: float = PATIENCE_S) -> bytes:
    """At most `most` bytes of a file. Raises `OSError`, or `ValueError` for a path that cannot be one."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        deadline = None if plain else time.monotonic() + patience_s
        return _all(descriptor, most, deadline)
    finally:
        os.close(descriptor)


def read_plain(file: str, most: int) -> bytes:
    """The same for a name nobody vouches for: to open a device may do more than read. Raises `OSError`."""
    if not stat.S_ISREG(os.stat(file).st_mode):  # noqa: PTH116 (as light as the rest)
        raise OSError(errno.EINVAL, "it is no plain file", file)
    return read_bytes(file, most, patience_s=0)


def _all(descriptor: int, most: int, deadline: float | None) -> bytes:
    found = bytearray()
    while len(found) < most:
        if deadline is not None:
            _await(descriptor, deadline)
        chunk = os.read(descriptor, min(_CHUNK, most - len(found)))
        if not chunk:
            break
        found += chunk
    return bytes(found)


def _await(descriptor: int, deadline: float) -> None:
    """Raises `TimeoutError` when nothing comes in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(deadline - time.monotonic(), 0.0) * 1000):
        raise TimeoutError("it is no plain file, and nothing came from it in time")
