"""Who holds what, by psutil: for systems without /proc, and for tests of that case."""

import socket
from collections.abc import Sequence
from typing import Any

import psutil

from viscript.diagnose.bound import Bound

_Entry = Any  # psutil has one type for the host's sockets, another for a process's, and publishes neither


class PortableHolders:
    """One look at the host; a system may show us our own processes only."""

    def bound(self) -> Sequence[Bound]:
        """All at once where that is allowed, else process by process."""
        found: list[tuple[_Entry, int | None]] = []
        try:
            found += [(entry, entry.pid) for entry in psutil.net_connections(kind="inet")]
        except psutil.Error:
            for process in psutil.process_iter():
                found += [(entry, process.pid) for entry in _connections(process)]
        return [_bound(entry, pid) for entry, pid in found if _listens(entry)]

    def of_socket(self, bound: Bound) -> Sequence[int]:
        """The table itself tells."""
        return bound.pids

    def of_path(self, path: str) -> Sequence[int]:
        """Whoever has it open: there is no portable way to ask who has locked it."""
        return [process.pid for process in psutil.process_iter() if _has_open(process, path)]

    def name(self, pid: int) -> str:
        """As psutil calls it."""
        try:
            return psutil.Process(pid).name()
        except psutil.Error:
            return ""


def _listens(entry: _Entry) -> bool:
    return bool(entry.laddr) and (entry.type == socket.SOCK_DGRAM or entry.status == psutil.CONN_LISTEN)


def _bound(entry: _Entry, pid: int | None) -> Bound:
    protocol = "udp" if entry.type == socket.SOCK_DGRAM else "tcp"
    return Bound(protocol, entry.laddr.ip, entry.laddr.port, 0, (pid,) if pid is not None else ())


def _connections(process: psutil.Process) -> Sequence[_Entry]:
    try:
        return process.net_connections(kind="inet")
    except psutil.Error:
        return []


def _has_open(process: psutil.Process, path: str) -> bool:
    try:
        if any(file.path == path for file in process.open_files()):
            return True
        return any(str(entry.laddr) == path for entry in process.net_connections(kind="unix"))
    except psutil.Error:
        return False
