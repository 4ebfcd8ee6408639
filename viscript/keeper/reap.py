"""The only reaper: every child that ended is waited for here, and nowhere else."""

import os
import signal
import socket
from collections.abc import Callable

from viscript.keeper.policy import Exit, exit_from_status

Gone = list[tuple[int, Exit]]


class Reaper:
    """Wakes on SIGCHLD and hands over all that ended, in one batch."""

    def __init__(self, deliver: Callable[[Gone], None]) -> None:
        self._deliver = deliver
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _wake)

    def fileno(self) -> int:
        """Can be read when a signal has come."""
        return self._read.fileno()

    def ready(self) -> None:
        """Take notice, and reap all there is."""
        try:
            while self._read.recv(4096):
                continue
        except BlockingIOError:
            pass  # emptied; what comes after this wakes us again
        self.reap()

    def reap(self) -> None:
        """Hand over every child that ended."""
        gone: Gone = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            gone.append((pid, exit_from_status(status)))
        if gone:
            self._deliver(gone)

    def wake(self) -> None:
        """Have the loop turn once; for signal handlers, which run in another thread."""
        try:
            self._write.send(b"\0")
        except BlockingIOError:
            return  # it will turn anyway

    def close(self) -> None:
        """Close the descriptors; in the first thread, where signals arrive: a late one is not heard."""
        signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()


def _wake(signum: int, frame: object) -> None:
    """The descriptor does the work; a handler must exist for it to be written."""
    del signum, frame
