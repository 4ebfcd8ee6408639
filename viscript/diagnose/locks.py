"""Which files are locked, from /proc/locks, and whose pid a pid file holds. Pure."""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

_PID_DIGITS: Final = 10


class Lock(NamedTuple):
    """One lock that is held."""

    pid: int
    device: int
    inode: int


def parse_locks(text: str) -> Iterator[Lock]:
    """The locks of /proc/locks; those that are waited for are left out."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 6 or fields[1] == "->":
            continue
        try:
            major, minor, inode = fields[5].split(":")
            yield Lock(int(fields[4]), os.makedev(int(major, 16), int(minor, 16)), int(inode))
        except (ValueError, OverflowError):  # a lease without a file, or another form
            continue


def pid_in(content: bytes) -> int | None:
    """The pid a pid file holds: alone on its first line."""
    first = content.split(b"\n", 1)[0].strip()
    return int(first) if 0 < len(first) <= _PID_DIGITS and first.isdigit() and int(first) > 0 else None
