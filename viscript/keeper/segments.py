"""Log segments on disk: names, and the writer.

    logs/7-apptracker/
      00000000000000000000.log       output from logical offset 0 on
      00000000000000000000.idx       16-byte records `>QQ`: logical end of a block, wall clock in ns
      00000000000010485760.log       rotation opens the next file, named by its logical offset
      current.log -> 00000000000010485760.log
      00000000000000000000.err.log   stderr, where it is kept apart (`.err.idx`, `current.err.log`)

A logical offset counts all bytes the app ever wrote to that stream, so a reader that holds one
survives rotation: the file's name plus the position in it is the offset. Files are written at explicit
offsets, so what a killed keeper wrote half is written again, never twice.
"""

import os
import struct
from typing import Final, NamedTuple

INDEX_RECORD: Final = struct.Struct(">QQ")
OUT: Final = "out"
ERR: Final = "err"
_DIGITS: Final = 20
_MIDDLE: Final = {OUT: "", ERR: ".err"}


class Name(NamedTuple):
    """What a file name in a log folder says."""

    offset: int
    stream: str
    kind: str  # "log" or "idx"


def file_name(offset: int, stream: str, kind: str) -> str:
    """The name of the segment or index that begins at a logical offset."""
    return f"{offset:0{_DIGITS}d}{_MIDDLE[stream]}.{kind}"


def parse_name(name: str) -> Name | None:
    """What a file name says; None for a file that is not ours."""
    digits, _, rest = name.partition(".")
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    stream, kind = (ERR, rest[4:]) if rest.startswith("err.") else (OUT, rest)
    return Name(int(digits), stream, kind) if kind in ("log", "idx") else None


def segments_in(folder: str, stream: str) -> list[int]:
    """Logical offsets of the segments of one stream, oldest first; none for a missing folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    parsed = (parse_name(name) for name in names)
    return sorted(name.offset for name in parsed if name and name.stream == stream and name.kind == "log")


class Segments:
    """Writes one stream of one app. The files are opened when the first byte comes."""

    __slots__ = (
        "_backups",
        "_file",
        "_folder",
        "_index",
        "_max_bytes",
        "_opened",
        "_records",
        "_start",
        "_stream",
        "fd",
        "position",
    )

    def __init__(
        self, folder: str, stream: str, *, max_bytes: int, backups: int, file: str | None = None
    ) -> None:
        self._folder = folder
        self._stream = stream
        self._max_bytes = max_bytes
        self._backups = backups
        self._file = file
        self._start = 0
        self._opened: tuple[int, int] | None = None  # which file that is: somebody may take its name away
        self._index = -1
        self._records = 0
        self.fd = -1
        self.position = 0  # in the segment, where the next byte goes

    @property
    def end(self) -> int:
        """The logical offset of the next byte."""
        return self._start + self.position

    @property
    def room(self) -> int:
        """Bytes until the next rotation."""
        return max(self._max_bytes - self.position, 0)

    def set_limits(self, max_bytes: int, backups: int) -> None:
        """Rotate by other figures from the next byte on."""
        self._max_bytes = max_bytes
        self._backups = backups

    def make_ready(self) -> None:
        """Have an open segment with room. Raises OSError when the disk will not."""
        if self.fd < 0:
            self._resume()
        if self.room == 0:
            self._rotate()

    def follow_folder(self) -> None:
        """Go on in a new file when somebody has removed, renamed or emptied the one at hand."""
        if self.fd < 0:
            return
        moved = _identity(self._path(self._start, "log")) != self._opened
        if moved or os.fstat(self.fd).st_size < self.position:
            self._go_on()

    def advance(self, count: int, wall_ns: int) -> None:
        """`count` bytes were written at `position`; note when."""
        self.position += count
        if self._index < 0:
            return
        record = INDEX_RECORD.pack(self.end, wall_ns)
        try:
            if os.pwrite(self._index, record, self._records * INDEX_RECORD.size) == INDEX_RECORD.size:
                self._records += 1
        except OSError:
            return  # the bytes are safe; a reader takes the time of the next record

    def close(self) -> None:
        """Close the files; the next byte opens them again."""
        for fd in (self.fd, self._index):
            if fd >= 0:
                os.close(fd)
        self.fd = self._index = -1

    def _go_on(self) -> None:
        end = self.end
        self.close()
        self._start, self.position = end, 0
        self._open(end)

    def _resume(self) -> None:
        found = segments_in(self._folder, self._stream)
        self._open(found[-1] if found else self.end)
        if self._file is not None and self._stream == OUT:
            self._link_file(self._file)

    def _rotate(self) -> None:
        self._open(self.end)
        for offset in segments_in(self._folder, self._stream)[: -(self._backups + 1)]:
            for kind in ("log", "idx"):
                _unlink(self._path(offset, kind))

    def _open(self, offset: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT
        os.makedirs(self._folder, 0o700, exist_ok=True)
        fd = os.open(self._path(offset, "log"), flags, 0o600)
        try:
            index = os.open(self._path(offset, "idx"), flags, 0o600)
        except OSError:
            os.close(fd)
            raise
        self.close()
        self.fd, self._index, self._start = fd, index, offset
        self._opened = _identity(fd)
        self.position = os.fstat(fd).st_size
        self._records = os.fstat(index).st_size // INDEX_RECORD.size
        current = f"current{_MIDDLE[self._stream]}.log"
        _link(file_name(offset, self._stream, "log"), f"{self._folder}/{current}")

    def _link_file(self, file: str) -> None:
        """Let the path the user asked for show the newest segment; a file of his own there stays."""
        try:
            os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
            if not os.path.lexists(file) or os.path.islink(file):
                _link(os.path.abspath(f"{self._folder}/current.log"), file)
        except OSError:
            return  # the log itself is complete; `doctor` compares the two

    def _path(self, offset: int, kind: str) -> str:
        return f"{self._folder}/{file_name(offset, self._stream, kind)}"


def _identity(file: str | int) -> tuple[int, int] | None:
    """What tells one file from another, also after its name was given to another; None for none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _link(target: str, path: str) -> None:
    draft = f"{path}.{os.getpid()}.new"
    _unlink(draft)
    os.symlink(target, draft)
    os.rename(draft, path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
