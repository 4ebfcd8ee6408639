"""Who holds what, by /proc: tables of sockets and locks, and the descriptors of every process."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from viscript.diagnose.bound import Bound, parse_table, parse_unix
from viscript.diagnose.locks import Lock, parse_locks

_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
_NAME_MAX: Final = 15  # the kernel keeps no more of a name


class LinuxHolders:
    """One look at the host; make a new one for a later look."""

    def bound(self) -> Sequence[Bound]:
        """From the four tables of ports."""
        return [bound for table in _TABLES for bound in parse_table(table, _text(Path("/proc/net", table)))]

    def of_socket(self, bound: Bound) -> Sequence[int]:
        """By the inode, among all descriptors."""
        return self._by_descriptor.get(f"socket:[{bound.inode}]", [])

    def of_path(self, path: str) -> Sequence[int]:
        """By the lock's process, else by who has the file open: a lock outlives the child that took it."""
        for socket in parse_unix(_text(Path("/proc/net/unix"))):
            if socket.path == path:
                return self._by_descriptor.get(f"socket:[{socket.inode}]", [])
        locks = self._locks_of(Path(path))
        alive = [lock.pid for lock in locks if lock.pid > 0 and Path(f"/proc/{lock.pid}").exists()]
        return alive or (self._by_descriptor.get(path, []) if locks else [])

    def name(self, pid: int) -> str:
        """The kernel's name, made whole from the command line where it was cut."""
        name = _text(Path(f"/proc/{pid}/comm")).removesuffix("\n")
        if len(name) == _NAME_MAX:
            program = Path(_text(Path(f"/proc/{pid}/cmdline")).partition("\0")[0]).name
            return program if program.startswith(name) else name
        return name

    def _locks_of(self, path: Path) -> list[Lock]:
        try:
            found = path.stat()
        except OSError:
            return []
        return [
            lock
            for lock in parse_locks(_text(Path("/proc/locks")))
            if (lock.device, lock.inode) == (found.st_dev, found.st_ino)
        ]

    @cached_property
    def _by_descriptor(self) -> dict[str, list[int]]:
        """Pids by what their descriptors point at, lowest first."""
        pids = defaultdict(list)
        for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
            for target in set(_targets(pid)):
                pids[target].append(pid)
        return pids


def _targets(pid: int) -> Iterator[str]:
    """What is not a file or socket (pipes, terminals, ...) cannot be in anybody's way."""
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # gone, or not ours to see
        return
    for descriptor in descriptors:
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith(("socket:", "/")):
            yield target


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
