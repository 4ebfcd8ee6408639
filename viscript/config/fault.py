"""What is wrong with a configuration and where, and the error that carries all of it."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from viscript.errors import ExitCode, VerbError, ViscriptError


class Place(NamedTuple):
    """A position in a file; lines and columns start at 1, line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `str()` gives the line for people."""

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        key = f" {self.path}:" if self.path else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}:{key} {self.message}{hint}"


def fault_at(place: Place, path: str, message: str, suggestion: str = "") -> Fault:
    """The fault at that place."""
    return Fault(
        file=place.file,
        line=place.line,
        column=place.column,
        path=_one_line(path),
        message=_one_line(message),
        suggestion=_one_line(suggestion),
    )


def _one_line(text: str) -> str:
    """The text with line ends and control characters spelled out: a file must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class BadConfig(ViscriptError):
    """The configuration cannot be used; `faults` holds everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def as_verb_error(self) -> VerbError:
        """The same as a verb says it: exit 6, one line a fault, the faults as data."""
        return VerbError(ExitCode.BAD_CONFIG, str(self), data=list(self.faults))
