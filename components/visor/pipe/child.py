"""Starts a pipe app: descriptors 3 and 4 are its pipes, and it dies with us.

Our ends and its ends are moved to 50 and above first, so that setting 3 and 4 in the child overwrites none of
them; 3 and 4 are kept in use here, so that what `subprocess` itself opens is not one of the two either.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

HIGH: Final = 50
APP_READS, APP_WRITES = 3, 4
PIPE_BYTES: Final = 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1


class Child(NamedTuple):
    """The process, and our ends of its pipes."""

    process: subprocess.Popen[bytes]
    read: int
    write: int


def start(argv: Sequence[str], *, folder: Path | None = None) -> Child:
    """A running app. Raises `OSError` when the program cannot be run."""
    held = _occupied()
    made: list[int] = []
    try:
        app_reads, write = _high_pipe(made)
        read, app_writes = _high_pipe(made)
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            pass_fds=(APP_READS, APP_WRITES, app_reads, app_writes),
            preexec_fn=_in_child(os.getpid(), app_reads, app_writes),  # noqa: PLW1509 (there is one thread)
        )
    except BaseException:
        for descriptor in made:
            os.close(descriptor)
        raise
    finally:
        for descriptor in held:
            os.close(descriptor)
    os.close(app_reads)
    os.close(app_writes)
    return Child(process, read, write)


def exit_code(process: subprocess.Popen[bytes]) -> int:
    """The app's, as a shell would tell it."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def _occupied() -> list[int]:
    """Descriptors opened so that 3 and 4 are in use."""
    held: list[int] = []
    while not held or held[-1] <= APP_WRITES:
        held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    return held


def _high_pipe(made: list[int]) -> tuple[int, int]:
    """A pipe with both ends at 50 or above; they are noted in `made`."""
    ends = os.pipe()
    try:
        made.extend(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, HIGH) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    with contextlib.suppress(OSError):  # more than a user may have
        fcntl.fcntl(made[-1], getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE_BYTES)
    return made[-2], made[-1]


def _in_child(parent: int, app_reads: int, app_writes: int) -> Callable[[], None]:
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)

    def prepare() -> None:  # pragma: no cover (runs in the child)
        if prctl is not None and sys.platform == "linux":
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        os.dup2(app_reads, APP_READS)
        os.dup2(app_writes, APP_WRITES)
        os.close(app_reads)
        os.close(app_writes)

    return prepare
