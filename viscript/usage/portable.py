"""Looking at processes through psutil: slower, but on every system."""

import os
import time
from typing import Final

import psutil

from viscript.usage.process import Detail, Process

_BOOT_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


class PortableProbe:
    """Keeps one psutil object a watched process; psutil itself tells a reused pid."""

    def __init__(self) -> None:
        self._kept: dict[int, psutil.Process] = {}

    def watch(self, pid: int) -> Process | None:
        """Look by the kept object; a new one when the pid has a new owner."""
        process = self._kept.get(pid)
        if process is None or not process.is_running():
            self._kept.pop(pid, None)
            try:
                process = self._kept[pid] = psutil.Process(pid)
            except psutil.Error:
                return None
        return _figures(process)

    def unwatch(self, pid: int) -> None:
        """Forget the kept object."""
        self._kept.pop(pid, None)

    def look(self, pid: int) -> Process | None:
        """A new object each time."""
        try:
            return _figures(psutil.Process(pid))
        except psutil.Error:
            return None

    def pids(self) -> list[int]:
        """As psutil lists them."""
        return psutil.pids()

    def detail(self, pid: int) -> Detail:
        """Each figure on its own: a system may refuse one and give the others."""
        try:
            process = psutil.Process(pid)
        except psutil.Error:
            return Detail()
        with process.oneshot():
            read_bytes, write_bytes = _storage(process)
            return Detail(_uss(process), _fds(process), _sockets(process), read_bytes, write_bytes)

    def fds(self, pid: int) -> int | None:
        """As psutil counts."""
        try:
            return _fds(psutil.Process(pid))
        except psutil.Error:
            return None

    def pss(self, pid: int) -> int | None:
        """Only Linux has it."""
        try:
            return int(psutil.Process(pid).memory_full_info().pss)
        except (psutil.Error, AttributeError):
            return None

    def uptime(self, process: Process) -> float:
        """Start times count from the epoch; on Linux psutil adds a boot time in whole seconds."""
        if _BOOT_CLOCK is None:
            return max(0.0, time.time() - process.started)
        return max(0.0, time.clock_gettime(_BOOT_CLOCK) - (process.started - psutil.boot_time()))

    def close(self) -> None:
        """Forget all kept objects."""
        self._kept.clear()


def _figures(process: psutil.Process) -> Process | None:
    try:
        with process.oneshot():
            cpu = process.cpu_times()
            return Process(
                process.pid,
                process.ppid(),
                _session(process.pid),
                process.create_time(),
                cpu.user + cpu.system,
                process.memory_info().rss,
                process.num_threads(),
            )
    except psutil.Error:
        return None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # gone, or another user's where the system forbids asking
        return 0


def _uss(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_full_info().uss)
    except (psutil.Error, AttributeError):
        return None


def _fds(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.Error:
        return None


def _sockets(process: psutil.Process) -> int | None:
    try:
        return len(process.net_connections(kind="all"))
    except psutil.Error:
        return None


def _storage(process: psutil.Process) -> tuple[int | None, int | None]:
    """macOS has no such counters for other processes."""
    try:
        counters = process.io_counters()
    except (psutil.Error, AttributeError):
        return None, None
    return counters.read_bytes, counters.write_bytes
