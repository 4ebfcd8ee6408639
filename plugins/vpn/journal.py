"""The journal of changes: a line is on the disk before its change is done. The record is pure, the file thin.

Line 1 is `Head`; then come `Wish`, `Entry` for each change, `Undone` for one taken back, `Confirmed`.
A last line that is cut off was never acted on. A journal of an earlier boot is void: so are its changes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from plugins.vpn.changes import Change

NAME: Final = "changes.journal"


class JournalError(Exception):
    """The journal cannot be used: the sentence says why, and what to do."""


class Head(msgspec.Struct, frozen=True, tag="head"):
    """Where the changes were made."""

    boot: str
    network: int


class Wish(msgspec.Struct, frozen=True, tag="wish"):
    """What the changes are for, in the words of the app. Another wish is not confirmed yet."""

    text: str


class Entry(msgspec.Struct, frozen=True, tag="entry"):
    """One change that may have been done; `before` is what undoing it needs."""

    change: Change
    before: Mapping[str, str] = {}


class Undone(msgspec.Struct, frozen=True, tag="undone"):
    """The entry of this place, counted from 0 among those not undone yet, was taken back."""

    place: int


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed"):
    """Somebody said that the host can still be reached."""


Line = Head | Wish | Entry | Undone | Confirmed
_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()


@dataclass
class Record:
    """What a journal tells."""

    head: Head
    entries: list[Entry] = field(default_factory=list)
    wish: str = ""
    confirmed: bool = False

    def take(self, line: Line) -> None:
        """The next line. Raises `JournalError` when it cannot come here."""
        match line:
            case Entry():
                self.entries.append(line)
            case Undone(place):
                if not 0 <= place < len(self.entries):
                    raise JournalError(f"it undoes a change {place} that is not there")
                del self.entries[place]
            case Confirmed():
                self.confirmed = True
            case Wish(text):
                self.wish, self.confirmed = text, False
            case Head():
                raise JournalError("a second head")


def parse(data: bytes) -> Record | None:
    """The record in the bytes of a file; None if nothing was begun. Raises `JournalError`."""
    whole = data[: data.rfind(b"\n") + 1].splitlines()
    if not whole:
        return None
    try:
        first, *rest = (_decoder.decode(line) for line in whole)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise JournalError(f"a line of it is damaged: {exc}") from exc
    if not isinstance(first, Head):
        raise JournalError("it does not begin with its head")
    record = Record(first)
    for line in rest:
        record.take(line)
    return record


def here() -> Head:
    """The head of a journal of this boot and this network namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Head(boot, Path("/proc/self/ns/net").stat().st_ino)


class Journal:
    """The file. What it holds is in `record`; None when there is none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.record: Record | None = None

    def open(self) -> Record | None:
        """Read what a process before left, without what an earlier boot did. Raises `JournalError`."""
        try:
            self.record = parse(self.path.read_bytes())
        except FileNotFoundError:
            self.record = None
        except (OSError, JournalError) as exc:
            raise JournalError(
                f"{self.path}: {exc}; compare `nft list ruleset` and `ip rule` by hand, then remove the file"
            ) from exc
        if self.record is not None:
            self._check(self.record.head)
        return self.record

    def _check(self, head: Head) -> None:
        now = here()
        if head.boot != now.boot:
            self.end()
        elif head.network != now.network:
            raise JournalError(
                f"{self.path} tells of changes in another network namespace; undo them there, or remove it"
            )

    def begin(self) -> Record:
        """A new one. Raises `OSError`."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.record = Record(here())
        self._append(self.record.head)
        _sync(self.path.parent)
        return self.record

    def write(self, line: Wish | Entry | Undone | Confirmed) -> None:
        """Add a line, on the disk when this returns. Raises `OSError`."""
        assert self.record is not None, "begin comes first"
        self._append(line)
        self.record.take(line)

    def end(self) -> None:
        """Nothing is left to be undone."""
        self.record = None
        self.path.unlink(missing_ok=True)
        if self.path.parent.exists():
            _sync(self.path.parent)

    def _append(self, line: Line) -> None:
        data = _encoder.encode(line) + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _trim(descriptor, self.path)
            if os.write(descriptor, data) != len(data):
                raise OSError(f"{self.path}: the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _trim(descriptor: int, path: Path) -> None:
    """Cut a line off that was not written to its end."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        os.ftruncate(descriptor, whole)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
