"""One process as the system tells it, and the line of /proc/PID/stat it comes from. Pure."""

import os
from typing import Final, NamedTuple

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Fields of /proc/PID/stat, counted from the one after the name in brackets.
_PPID, _SESSION, _UTIME, _STIME, _THREADS, _STARTED, _RSS = 1, 3, 11, 12, 17, 19, 21


class Process(NamedTuple):
    """What one look at a process tells. `started` only serves to tell two users of one pid apart."""

    pid: int
    ppid: int
    session: int
    started: float
    cpu_seconds: float
    rss_bytes: int
    threads: int


def parse_stat(line: bytes) -> Process | None:
    """The process a stat line speaks of; None when the line is cut or garbled."""
    # The name may hold blanks and brackets: only the last bracket is the system's.
    opening, closing = line.find(b"("), line.rfind(b")")
    fields = line[closing + 1 :].split(None, _RSS + 1)
    if opening < 1 or closing < opening or len(fields) <= _RSS:
        return None
    try:
        return Process(
            int(line[:opening]),
            int(fields[_PPID]),
            int(fields[_SESSION]),
            int(fields[_STARTED]) / TICKS_A_SECOND,
            (int(fields[_UTIME]) + int(fields[_STIME])) / TICKS_A_SECOND,
            int(fields[_RSS]) * PAGE_BYTES,
            int(fields[_THREADS]),
        )
    except ValueError:
        return None


class Detail(NamedTuple):
    """The figures that cost more to get; None where the system would not say."""

    uss_bytes: int | None = None
    fds: int | None = None
    sockets: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None


def parse_uss(rollup: bytes) -> int | None:
    """Bytes that only this process holds, from /proc/PID/smaps_rollup."""
    found = [line.split() for line in rollup.splitlines() if line.startswith(b"Private_")]
    sizes = [int(words[1]) for words in found if len(words) > 1 and words[1].isdigit()]
    return sum(sizes) * 1024 if sizes else None


def parse_pss(rollup: bytes) -> int | None:
    """Bytes by share, from /proc/PID/smaps_rollup."""
    found = [line.split() for line in rollup.splitlines() if line.startswith(b"Pss:")]
    return int(found[0][1]) * 1024 if found and len(found[0]) > 1 and found[0][1].isdigit() else None


def parse_io(text: bytes) -> tuple[int | None, int | None]:
    """Bytes read from and written to storage, from /proc/PID/io."""
    figures: dict[bytes, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if value.strip().isdigit():
            figures[name] = int(value)
    return figures.get(b"read_bytes"), figures.get(b"write_bytes")
