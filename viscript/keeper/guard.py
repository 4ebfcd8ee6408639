"""Starts the daemon again when it dies, until told not to."""

import os
import sys
from collections.abc import Callable
from typing import Final

from viscript.keeper.host import Host
from viscript.keeper.loop import Loop, Timer
from viscript.keeper.orphans import Orphans
from viscript.keeper.spawn import spawn_plain

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 5.0
STABLE_S: Final = 10.0
_POLL_S: Final = 0.5


class Guard:
    """Watches one process; `tell` hears of each new one."""

    def __init__(self, loop: Loop, host: Host, orphans: Orphans, tell: Callable[[int], None]) -> None:
        self.argv: tuple[str, ...] | None = None
        self.pid: int | None = None
        self._loop = loop
        self._host = host
        self._orphans = orphans
        self._tell = tell
        self._child = False
        self._watcher = -1
        self._since = 0.0
        self._delay = FIRST_DELAY_S
        self._timer: Timer | None = None

    def set(self, argv: tuple[str, ...] | None, pid: int | None) -> None:
        """Watch `pid` and start `argv` when it dies; without argv, watch nothing."""
        same_child = self._child and pid == self.pid
        self.stop()
        self.argv, self.pid, self._child = argv, pid, same_child
        self._since = self._loop.now()
        if argv is not None and pid is not None and not same_child:
            self._watch(pid)

    def stop(self) -> None:
        """Watch nothing more."""
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
        self.argv = None

    def child_gone(self, pid: int) -> None:
        """A child was reaped; maybe it was the daemon."""
        if self._child and pid == self.pid:
            self._gone()

    def _watch(self, pid: int) -> None:
        start = self._host.start_of(pid)
        if start is None:
            self._gone()
            return
        watcher = self._host.watch(pid)
        if watcher is None:
            self._timer = self._loop.after(_POLL_S, lambda: self._poll(pid, start))
            return
        self._watcher = watcher
        self._loop.read(watcher, self._gone)

    def _poll(self, pid: int, start: int) -> None:
        if self._host.is_alive(pid, start):
            self._timer = self._loop.after(_POLL_S, lambda: self._poll(pid, start))
        else:
            self._gone()

    def _unwatch(self) -> None:
        if self._watcher >= 0:
            self._loop.forget(self._watcher)
            os.close(self._watcher)
            self._watcher = -1

    def _gone(self) -> None:
        self._unwatch()
        self.pid, self._child = None, False
        if self.argv is None:
            return
        if self._loop.now() - self._since >= STABLE_S:
            self._delay = FIRST_DELAY_S
        self._timer = self._loop.after(self._delay, self._start)
        self._delay = min(2 * self._delay, LONGEST_DELAY_S)

    def _start(self) -> None:
        if self.argv is None:
            return
        self._since = self._loop.now()
        try:
            self.pid = spawn_plain(self.argv)
        except OSError as exc:
            sys.stderr.write(f"keeper: cannot start the daemon again: {exc}\n")
            self._gone()
            return
        self._child = True
        self._orphans.spawned(self.pid)
        self._tell(self.pid)
