"""When did which byte arrive: one segment's index. What is torn, missing or garbage reads as "not known"."""

import os
from collections.abc import Callable
from typing import Final

from viscript.keeper.segments import INDEX_RECORD as RECORD

_PAGE: Final = 256  # records read at once
_WALK: Final = 64  # steps before a search is quicker

Record = tuple[int, int]


class Index:
    """Looks up records on disk; holds one page of them, however many there are."""

    def __init__(self, path: str) -> None:
        self._descriptor = _open(path)
        self._page: list[Record] = []
        self._page_number = -1
        self._hint = 0

    def time_of(self, end: int) -> int | None:
        """When the byte before `end` arrived, in nanoseconds; quick when asked with rising ends."""
        before = self._record(self._hint - 1) if self._hint else None
        if before is not None and before[0] >= end:
            self._hint = 0
        found = self._walk(end)
        return found[1] if found is not None and found[1] else None

    def start_since(self, time_ns: int) -> int:
        """The offset behind the last block that is known to be older; 0 when none is."""
        place = self._search(lambda record: record[1] >= time_ns, 0)
        before = self._record(place - 1) if place else None
        return before[0] if before is not None else 0

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _walk(self, end: int) -> Record | None:
        for _ in range(_WALK):
            record = self._record(self._hint)
            if record is None or record[0] >= end:
                return record
            self._hint += 1
        self._hint = self._search(lambda record: record[0] >= end, self._hint)
        return self._record(self._hint)

    def _search(self, good: Callable[[Record], bool], low: int) -> int:
        """The place of the first good record, if they are in order; some place in any case."""
        high = self._count()
        while low < high:
            middle = (low + high) // 2
            record = self._record(middle)
            if record is None or good(record):
                high = middle
            else:
                low = middle + 1
        return low

    def _count(self) -> int:
        return os.fstat(self._descriptor).st_size // RECORD.size if self._descriptor is not None else 0

    def _record(self, place: int) -> Record | None:
        number, offset = divmod(place, _PAGE)
        if number != self._page_number or offset >= len(self._page):
            self._page, self._page_number = self._load(number), number
        return self._page[offset] if offset < len(self._page) else None

    def _load(self, number: int) -> list[Record]:
        if self._descriptor is None:
            return []
        try:
            data = os.pread(self._descriptor, _PAGE * RECORD.size, number * _PAGE * RECORD.size)
        except OSError:
            return []
        whole = len(data) - len(data) % RECORD.size
        return [(end, time_ns) for end, time_ns in RECORD.iter_unpack(data[:whole])]


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
