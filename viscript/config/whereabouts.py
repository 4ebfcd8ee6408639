"""Where each key of a configuration stands, packed: a file of 1,000 apps has ten thousand keys. Pure.

The paths lie sorted behind each other in one run of bytes, and beside them numbers: where each path ends, its
file, line and column. That takes a tenth of a dict of places; a look-up is a binary search.
"""

from array import array
from collections.abc import Iterator, Mapping

from viscript.config.fault import Place


class Whereabouts(Mapping[str, Place]):
    """Dotted path -> place. Cannot be changed."""

    __slots__ = ("_columns", "_ends", "_files", "_lines", "_names", "_paths")

    def __init__(self, places: Mapping[str, Place]) -> None:
        known = sorted((_bytes(path), place) for path, place in places.items())
        self._paths = b"".join(path for path, _ in known)
        self._names = tuple(dict.fromkeys(place.file for _, place in known))
        number = {name: at for at, name in enumerate(self._names)}
        self._files = array("I", (number[place.file] for _, place in known))
        self._lines = array("I", (place.line for _, place in known))
        self._columns = array("I", (place.column for _, place in known))
        self._ends = array("I", [0])
        for path, _ in known:
            self._ends.append(self._ends[-1] + len(path))

    def __getitem__(self, path: str) -> Place:
        wanted, low, high = _bytes(path), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._path(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self) or self._path(low) != wanted:
            raise KeyError(path)
        return Place(self._names[self._files[low]], self._lines[low], self._columns[low])

    def __iter__(self) -> Iterator[str]:
        return (self._path(at).decode(errors="surrogatepass") for at in range(len(self)))

    def __len__(self) -> int:
        return len(self._lines)

    def _path(self, at: int) -> bytes:
        return self._paths[self._ends[at] : self._ends[at + 1]]


def _bytes(path: str) -> bytes:
    return path.encode(errors="surrogatepass")
