"""Was a process killed for want of memory? The kernel's own log tells, where we may read it."""

import os
import re
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

_KILLED: Final = re.compile(r"Killed process (\d+) ")
_RECORD_MAX: Final = 8192
_RECORDS: Final = 20_000


class OutOfMemory(NamedTuple):
    """One kill; `at` is seconds since boot."""

    pid: int
    at: float


def parse_records(records: Iterator[str]) -> Iterator[OutOfMemory]:
    """The kills among records of /dev/kmsg: `priority,number,microseconds,flags;text`."""
    for record in records:
        head, _, text = record.partition(";")
        found = _KILLED.search(text)
        fields = head.split(",")
        if found and len(fields) > 2 and fields[2].isdigit():
            yield OutOfMemory(int(found[1]), int(fields[2]) / 1_000_000)


def was_out_of_memory(pid: int, since: float, now: float) -> bool:
    """Whether the kernel killed that pid for memory since a time (seconds since the epoch)."""
    boot = now - time.monotonic()
    return any(kill.pid == pid and boot + kill.at >= since - 1.0 for kill in parse_records(_records()))


def _records() -> Iterator[str]:
    try:
        descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # not ours to see, or not Linux
        return
    try:
        for _ in range(_RECORDS):
            try:
                yield os.read(descriptor, _RECORD_MAX).decode(errors="replace")
            except BrokenPipeError:  # records were overwritten meanwhile: reading goes on at the oldest
                continue
    except OSError:  # the end
        return
    finally:
        os.close(descriptor)
