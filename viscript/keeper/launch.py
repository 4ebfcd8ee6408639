"""Makes sure that a home has a keeper: finds the one that runs, or starts one that outlives us. It blocks."""

import contextlib
import os
import signal
import socket
import sys
import time
from typing import Final

from viscript.keeper.places import ALREADY_RUNNING, Places
from viscript.keeper.protocol import KeeperError

_POLL_S: Final = 0.002
_TAIL_BYTES: Final = 2000
_NULL: Final = "/dev/null"


class KeeperStartError(KeeperError):
    """No keeper answers; the text says what its log says."""


class Finder:
    """Finds a home's keeper for its daemon; it may be started ahead, while the daemon is still coming up."""

    def __init__(self, places: Places, log: str) -> None:
        self._places = places
        self._log = log
        self._ahead = 0

    def start_ahead(self) -> None:
        """Start one if none is there; whatever is wrong, `find` will tell."""
        with contextlib.suppress(OSError):
            connection = connect(self._places.socket)
            if connection is None:
                self._ahead = start_keeper(self._places, self._log)
            else:
                connection.close()

    def find(self) -> socket.socket:
        """A connection to it, started if there is none. Raises `KeeperStartError`."""
        started, self._ahead = self._ahead, 0
        return ensure_keeper(self._places, self._log, started=started)

    def close(self) -> None:
        """The one that was started ahead goes if it was never asked for: the daemon did not come up.

        SIGKILL: a keeper loses nothing by it, and is gone for certain.
        """
        if self._ahead:
            os.kill(self._ahead, signal.SIGKILL)
            os.waitpid(self._ahead, 0)
            self._ahead = 0


def ensure_keeper(places: Places, log: str, timeout: float = 10.0, *, started: int = 0) -> socket.socket:
    """A connection to this home's keeper, started if there is none. Raises `KeeperStartError`.

    `started` is the pid of one that is on its way already.
    """
    deadline = time.monotonic() + timeout
    connection = connect(places.socket)
    pid = started
    while connection is None:
        if pid == 0:
            pid = start_keeper(places, log)
        if time.monotonic() > deadline or _has_failed(pid):
            raise KeeperStartError(f"the keeper does not answer at {places.socket}; {_tail(log)}")
        time.sleep(_POLL_S)
        connection = connect(places.socket)
    return connection


def connect(path: str) -> socket.socket | None:
    """A connection to who listens there; None when nobody does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError:
        sock.close()
        raise
    return sock


def start_keeper(places: Places, log: str) -> int:
    """Start a keeper in a session of its own; its pid. A second one ends at once and harms nothing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        command(places),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, _NULL, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
    )


def command(places: Places) -> list[str]:
    """The command line of a home's keeper."""
    options = ["--home-root", places.root, "--run", places.run, "--state", places.state]
    return [sys.executable, "-P", "-m", "viscript.keeper", *options]


def _has_failed(pid: int) -> bool:
    """Whether the keeper we started is gone; the code of one that found another is fine."""
    try:
        gone, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False  # somebody else reaped it; the deadline decides
    return gone == pid and os.waitstatus_to_exitcode(status) not in (0, ALREADY_RUNNING)


def _tail(log: str) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(os.path.getsize(log) - _TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return f"{log} cannot be read"
    return f"{log} ends with: {lines[-1]}" if lines else f"{log} is empty"
