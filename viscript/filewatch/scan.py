"""One look at all files that `watch` names: what each is now, within bounds. Blocks: run it in a thread."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from viscript.filewatch.pattern import Pattern, is_passed_over

MOST_ENTRIES: Final = 20_000  # files and folders looked at for one app
MOST_SECONDS: Final = 5.0

# Path to what tells a change: time of writing, size, and which file it is.
Seen = dict[str, tuple[int, int, int]]


class TooMuch(Exception):
    """There is more below a pattern than is looked at."""


class _Budget:
    """What one look may cost."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock() + MOST_SECONDS
        self._left = MOST_ENTRIES

    def spend(self) -> None:
        """Count one entry. Raises `TooMuch`."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch(f"more than {MOST_ENTRIES} files and folders are below what it watches")
        if self._clock() > self._until:
            raise TooMuch(f"a look at the files it watches takes more than {MOST_SECONDS:g} s")


def scan(folder: str, patterns: Sequence[Pattern], clock: Callable[[], float] = time.monotonic) -> Seen:
    """Every file the patterns mean; what is not there is not in it. Raises `TooMuch`."""
    budget, seen = _Budget(clock), Seen()
    for pattern in patterns:
        base = os.path.join(folder, pattern.base)  # noqa: PTH118 (many of them)
        for path, state in _below(base, pattern, budget):
            seen[os.path.normpath(path)] = state
    return seen


def _below(base: str, pattern: Pattern, budget: _Budget) -> Iterator[tuple[str, tuple[int, int, int]]]:
    budget.spend()
    if not pattern.names and not os.path.isdir(base):  # noqa: PTH112 (many of them)
        yield from _state(base)
        return
    pending: list[tuple[str, tuple[str, ...]]] = [(base, ())]
    while pending:
        folder, above = pending.pop()
        for entry in _entries(folder):
            budget.spend()
            below = (*above, entry.name)
            if is_passed_over(entry.name):
                continue
            if _is_folder(entry):
                if len(below) < pattern.depth:
                    pending.append((entry.path, below))
            elif pattern.counts(below):
                yield from _state(entry.path)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder; nothing when it is not there, or not ours to read."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """A folder itself; what a link leads to is not looked into, else a look might never end."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _state(path: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """What the file is now; nothing when it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116 (many of them)
    except OSError:
        return
    yield path, (found.st_mtime_ns, found.st_size, found.st_ino)


def changes(before: Seen, now: Seen) -> list[str]:
    """The paths that were written, made or removed, in order."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
