"""Linux: pidfds, subreaper, splice, and a tag that every descendant carries.

The tag is the soft RLIMIT_RTTIME: `1 << 61 | home << 40 | seq`. It limits nothing (it is 73,000 years of
realtime CPU), is inherited through fork, exec, setsid, setuid and an empty environment, and
/proc/PID/limits tells it back. The keeper sets its own for the moment of a spawn.
"""

import ctypes
import fcntl
import os
import resource
import signal
import struct
import time
from typing import Final

from viscript.keeper import groups
from viscript.keeper.groups import Groups
from viscript.keeper.host import PROTECTED, Process
from viscript.keeper.policy import Exit, exit_from_status

_TAG_BIT: Final = 1 << 61
_TAG_SHIFT: Final = 60
_HOME_SHIFT: Final = 40
_HOME_MASK: Final = (1 << 20) - 1
_SEQ_MASK: Final = (1 << _HOME_SHIFT) - 1
_LIMIT_LINE: Final = b"Max realtime timeout"

# struct pidfd_info, first version: mask, cgroupid, 10 ids, exit_code.
_PIDFD_INFO: Final = struct.Struct("=QQ11Ii")
_PIDFD_GET_INFO: Final = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_EXIT: Final = 1 << 3

_PR_SET_CHILD_SUBREAPER: Final = 36
_NS_PER_TICK: Final = 10**9 // os.sysconf("SC_CLK_TCK")
_STAT_BYTES: Final = 1024
_CHILDREN_BYTES: Final = 1 << 16

# Fields of /proc/PID/stat after the command name.
_STATE, _PPID, _PGID, _SID, _THREADS, _START, _EXIT = 0, 1, 2, 3, 17, 19, 49


def tag_value(home: int, seq: int) -> int:
    """The tag of an app."""
    return _TAG_BIT | home << _HOME_SHIFT | seq


def seq_of(value: int, home: int) -> int | None:
    """The app that a tag names; None for a limit that is no tag of this home."""
    if value >> _TAG_SHIFT != _TAG_BIT >> _TAG_SHIFT or value >> _HOME_SHIFT & _HOME_MASK != home:
        return None
    return value & _SEQ_MASK


def limit_in(limits: bytes) -> int | None:
    """The soft realtime limit in the text of /proc/PID/limits; None for unlimited."""
    at = limits.find(_LIMIT_LINE)
    if at < 0:
        return None
    word = limits[at + len(_LIMIT_LINE) :].split(None, 1)[:1]
    return int(word[0]) if word and word[0].isdigit() else None


class Linux:
    """The host seam on Linux."""

    name = "linux"
    tags = True

    def __init__(self, home: int) -> None:
        self._home = home
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_RTTIME)
        if self._soft >= 0 and seq_of(self._soft, home) is not None:
            self._soft = self._hard  # started from within one of our own apps, and not one of them
            self.clear_tag()
        self._tags: dict[tuple[int, int], int | None] = {}
        self._children = -1

    def identity(self) -> str:
        """Boot id and pid namespace."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"

    def become_parent_of_orphans(self) -> None:
        """PR_SET_CHILD_SUBREAPER; kept over execv."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def set_tag(self, seq: int) -> None:
        """Set our own limit, to be inherited."""
        resource.setrlimit(resource.RLIMIT_RTTIME, (tag_value(self._home, seq), self._hard))

    def clear_tag(self) -> None:
        """Put our own limit back."""
        resource.setrlimit(resource.RLIMIT_RTTIME, (self._soft, self._hard))

    def tag_of(self, pid: int) -> int | None:
        """Read it back from /proc."""
        limit = limit_in(_read(f"/proc/{pid}/limits", 4096))
        return None if limit is None else seq_of(limit, self._home)

    def start_of(self, pid: int) -> int | None:
        """Clock ticks after boot; a zombie counts."""
        fields = _stat(pid)
        return int(fields[_START]) if fields else None

    def start_clock(self) -> int:
        """What the kernel will show as the start of a process that begins now."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_TICK

    def is_alive(self, pid: int, start: int | None) -> bool:
        """By state and start time in /proc."""
        fields = _stat(pid)
        return bool(fields) and int(fields[_START]) == start and fields[_STATE] not in (b"Z", b"X")

    def lone(self, pid: int) -> Process | None:
        """By its count of threads and the list of its children; None also where the kernel has no list."""
        fields = _stat(pid)
        if not fields or fields[_THREADS] != b"1" or not os.path.exists("/proc/thread-self/children"):
            return None
        return None if _read(f"/proc/{pid}/task/{pid}/children", 16) else _process(pid, fields, None)

    def children(self) -> set[int] | None:
        """The kernel's list for our first thread. We alone reap: nothing leaves it while it is read."""
        if self._children < 0:
            try:
                self._children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
            except OSError:
                return None  # a kernel without CONFIG_PROC_CHILDREN
        text = b""
        while piece := os.pread(self._children, _CHILDREN_BYTES, len(text)):
            text += piece
        return set(map(int, text.split()))

    def groups(self, earlier: str) -> Groups:
        """In cgroup v2, where it is mounted and can be written."""
        return groups.find(self._home, earlier)

    def scan(self) -> list[Process]:
        """One pass over /proc; the tag of a process is read once in its life."""
        found = []
        tags: dict[tuple[int, int], int | None] = {}
        for entry in os.listdir("/proc"):
            if not entry.isdecimal():
                continue
            pid = int(entry)
            fields = _stat(pid)
            if not fields:
                continue
            start = int(fields[_START])
            key = (pid, start)
            tag = self._tags[key] if key in self._tags else self.tag_of(pid)
            tags[key] = tag
            found.append(_process(pid, fields, tag))
        self._tags = tags
        return found

    def group_lives(self, pgid: int) -> bool:
        """By signal 0."""
        return group_lives(pgid)

    def watch(self, pid: int) -> int | None:
        """A pidfd."""
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None

    def exit_of(self, pid: int, start: int | None, watcher: int | None) -> Exit | None:
        """A zombie's status from /proc; of one that was reaped, what its pidfd remembers."""
        fields = _stat(pid)
        if fields and int(fields[_START]) == start:
            if fields[_STATE] not in (b"Z", b"X"):
                return None
            if len(fields) > _EXIT and _may_trust(pid):
                return exit_from_status(int(fields[_EXIT]))
        return _remembered(watcher) if watcher is not None else Exit()

    def send(self, pid: int, start: int | None, signum: int) -> bool:
        """Through a pidfd whose process was looked at after it was opened."""
        if pid <= PROTECTED or pid == os.getpid():
            return False
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if start is not None and self.start_of(pid) != start:
                return False
            signal.pidfd_send_signal(pidfd, signum)
        except ProcessLookupError:
            return False
        finally:
            os.close(pidfd)
        return True

    def move(self, source: int, file: int, offset: int, most: int) -> int:
        """Splice: the kernel takes from the pipe exactly what it put into the file."""
        return os.splice(source, file, most, offset_dst=offset, flags=os.SPLICE_F_NONBLOCK)


def group_lives(pgid: int) -> bool:
    """Whether a process group has members, by signal 0."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: str, most: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, most)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _stat(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/stat", _STAT_BYTES).rpartition(b") ")[2].split()


def _process(pid: int, fields: list[bytes], tag: int | None) -> Process:
    return Process(
        pid,
        int(fields[_PPID]),
        int(fields[_PGID]),
        int(fields[_SID]),
        fields[_STATE].decode(),
        int(fields[_START]),
        tag,
    )


def _may_trust(pid: int) -> bool:
    """The kernel shows 0 instead of the status to those who may not trace the process."""
    try:
        return os.geteuid() in (0, os.stat(f"/proc/{pid}").st_uid)
    except OSError:
        return False


def _remembered(pidfd: int) -> Exit:
    """PIDFD_GET_INFO, from kernel 6.15 on, once the process was reaped; else unknown."""
    info = bytearray(_PIDFD_INFO.size)
    struct.pack_into("=Q", info, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
    except OSError:
        return Exit()
    values = _PIDFD_INFO.unpack(info)
    return exit_from_status(values[-1]) if values[0] & _PIDFD_INFO_EXIT else Exit()
