"""What an app's last lines betray: a taken address, a taken lock, a refused permission. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

LINE_MAX: Final = 2000  # a longer line is looked at so far

_IN_USE: Final = re.compile(
    r"address (?:already |is )*in use|EADDRINUSE|WSAEADDRINUSE|connection in use|"
    r"address already bound|"
    r"(?<!mesh )\bport:? ?\d{1,5}\b.{0,40}\b(?:in use|taken|allocated|occupied|bound)|"
    r"(?:already|currently) (?:listening|running) on .{0,30}\bport\b|"
    r"already running on port|only one usage of each socket address",
    re.IGNORECASE,
)
_LOCKED: Final = re.compile(
    r"resource temporarily unavailable|\bEAGAIN\b|EWOULDBLOCK|database is locked|"
    r"\b(?:could not|cannot|can't|unable to|failed to)\b.{0,40}\block\b|"
    r"\block(?:file)?\b.{0,300}\b(?:held|exists|taken|locked|in use)\b|"
    r"\bis (?:already )?locked\b|"
    r"\bpid ?file\b.{0,300}\bexists\b|another instance|already running",
    re.IGNORECASE,
)
# The same words as for a lock, but what is short are processes.
_NO_PROCESSES: Final = re.compile(r"fork|thread|clone|spawn", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"permission denied|\bEACCES\b|\bEPERM\b|operation not permitted|access denied", re.IGNORECASE
)

# `:8000`, `127.0.0.1:8000`, `[::]:8000`, `*:6379:`, but neither `12:30:45` nor `main.c:12:`.
_HOST: Final = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]*\]|::|\*|localhost|(?<![^\s(\"'=/]))"
_ADDRESS: Final = re.compile(rf"(?<![\w:.])({_HOST}):(\d{{1,5}})(?!\d)(?!:\d)(?![\w.]*\.)")
_NAMED: Final = re.compile(r"\bport\b\W{0,3}(?:number )?(\d{1,5})\b", re.IGNORECASE)
_TUPLE: Final = re.compile(r"\('([^']*)', (\d{1,5})\b")
_PATH: Final = re.compile(r"(?<![\w/:.])(/(?:[\w.@+~,-]+/?)+)")


def address_in_use(lines: Iterable[str]) -> list[str]:
    """The lines that complain of a taken address."""
    return [line for line in lines if _IN_USE.search(line[:LINE_MAX])]


def lock_taken(lines: Iterable[str]) -> list[str]:
    """The lines that complain of a taken lock, or of another copy of the program."""
    return [
        line
        for line in lines
        if _LOCKED.search(line[:LINE_MAX]) and not _NO_PROCESSES.search(line[:LINE_MAX])
    ]


def denied(lines: Iterable[str]) -> list[str]:
    """The lines that complain of a missing permission."""
    return [line for line in lines if _DENIED.search(line[:LINE_MAX])]


def ports_in(text: str) -> Iterator[tuple[str | None, int]]:
    """(host, port) of every address in a line; no host where the line tells none."""
    text = text[:LINE_MAX]
    for pattern in (_TUPLE, _ADDRESS):
        for found in pattern.finditer(text):
            if 0 < int(found[2]) < 65536:
                yield found[1].strip("[]") or None, int(found[2])
    for found in _NAMED.finditer(text):
        if 0 < int(found[1]) < 65536:
            yield None, int(found[1])


def paths_in(text: str) -> list[str]:
    """The absolute paths in a line."""
    return [path.rstrip(".,") for path in _PATH.findall(text[:LINE_MAX])]
