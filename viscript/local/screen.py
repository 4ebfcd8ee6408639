"""The caller's terminal: what it can show, and writing to it. Imports only what the one-shot client may."""

import os
from collections.abc import Mapping

COLUMNS = 80
COLOUR_CHOICES = ("auto", "always", "never")
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


class Screen:
    """Standard input, output and error as they are now."""

    __slots__ = ("_environ", "ascii", "colour", "err", "into", "out")

    def __init__(self, environ: Mapping[str, str], colour: str = "auto") -> None:
        self._environ = environ
        self.into = os.isatty(0)
        self.out = os.isatty(1)
        self.err = os.isatty(2)
        self.ascii = not speaks_utf8(environ)
        self.colour = wants_colour(environ, colour, terminal=self.out)

    @property
    def columns(self) -> int:
        """The width to fit tables into; it changes when the window does."""
        given = self._environ.get("COLUMNS", "")
        if given.isdecimal() and int(given) > 0:
            return int(given)
        try:
            return os.get_terminal_size(1).columns or COLUMNS
        except OSError:
            return COLUMNS

    def facts(self) -> dict[str, object]:
        """What the daemon is told, so that it renders what fits."""
        return {
            "out": self.out,
            "err": self.err,
            "in": self.into,
            "columns": self.columns,
            "colour": self.colour,
            "ascii": self.ascii,
        }

    def say(self, text: str) -> None:
        """Write to standard output."""
        write(1, text, narrow=self.ascii and self.out)

    def complain(self, text: str) -> None:
        """Write to standard error."""
        write(2, text, narrow=self.ascii and self.err)


def write(descriptor: int, text: str, *, narrow: bool = False) -> None:
    """Write all of a text."""
    write_bytes(descriptor, text.encode("ascii" if narrow else "utf-8", "replace"))


def write_bytes(descriptor: int, data: bytes) -> None:
    """Write all of `data`, also to a descriptor somebody made non-blocking."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            import select

            select.select([], [descriptor], [])


def wants_colour(environ: Mapping[str, str], choice: str, *, terminal: bool) -> bool:
    """Whether to colour: as asked, else on a terminal unless NO_COLOR is set."""
    if choice != "auto":
        return choice == "always"
    return terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale is UTF-8. Python sets LC_CTYPE so where it is not: that does not count."""
    everything, kind, language = (environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    name = everything or (kind if kind not in _COERCED else "") or language
    return name.upper().replace("-", "").endswith("UTF8")
