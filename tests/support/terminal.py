"""A terminal for tests: a program on a pseudo-terminal, and the screen a person would see (pyte)."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

DEADLINE_S = 15.0
PIECE = 256  # a write that the input of a terminal surely takes, once it takes any
CTRL_C, CTRL_D, CTRL_R, CTRL_Z, ESCAPE, ENTER, TAB, F4 = (
    "\x03", "\x04", "\x12", "\x1a", "\x1b", "\r", "\t", "\x1bOS",
)  # fmt: skip


class Terminal:
    """Runs `argv` while inside `with`; what it writes is drawn on `screen`."""

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: Path | None = None,
        columns: int = 100,
        rows: int = 30,
    ) -> None:
        self._argv = list(argv)
        self._environ = {**environ, "TERM": "xterm-256color"}
        self._cwd = cwd
        self.deadline_s = DEADLINE_S
        self._columns, self._rows = columns, rows
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.code: int | None = None

    def __enter__(self) -> Self:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            self._become_the_program()
        self.resize(self._columns, self._rows)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)

    def _become_the_program(self) -> None:
        try:
            if self._cwd:
                os.chdir(self._cwd)
            os.execve(self._argv[0], self._argv, self._environ)
        finally:
            os._exit(127)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def paste(self, text: str) -> None:
        """Paste, as a terminal with bracketed paste does."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def pour(self, text: str) -> None:
        """Press more keys than a terminal holds: those that are read make room for the rest."""
        data = memoryview(text.encode())
        end = time.monotonic() + self.deadline_s
        while data:
            assert time.monotonic() < end, f"{len(data)} bytes were not read"
            _, writable, _ = select.select([], [self._fd], [], 0)
            if writable:
                data = data[os.write(self._fd, data[:PIECE]) :]
            self._read(0 if writable else 0.05, end)

    def lines(self) -> list[str]:
        """What is and was on the screen, top to bottom."""
        past = [
            "".join(row[column].data for column in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        ]
        return [*past, *(line.rstrip() for line in self.screen.display)]

    def shows(self, text: str) -> bool:
        """Whether a line, present or scrolled away, holds the text."""
        return any(text in line for line in self.lines())

    def line_of_cursor(self) -> str:
        """The line that is typed into."""
        return str(self.screen.display[self.screen.cursor.y]).rstrip()

    def modes(self) -> list[object]:
        """The attributes of the terminal, to compare before and after."""
        found: list[object] = termios.tcgetattr(self._fd)
        return found

    def wait_for(self, text: str, *, count: int = 1) -> None:
        """Read until `count` lines hold the text. Raises `AssertionError` with the screen."""
        self.wait_until(lambda: sum(text in line for line in self.lines()) >= count, text)

    def wait_for_input(self, text: str) -> None:
        """Read until the line of the cursor ends like that."""
        self.wait_until(lambda: self.line_of_cursor().endswith(text), f"...{text} at the cursor")

    def wait_until(self, probe: Callable[[], bool], wanted: str) -> None:
        """Read until `probe` is true."""
        end = time.monotonic() + self.deadline_s
        while not probe():
            if time.monotonic() > end or not self._read(0.05, end):
                shown = "\n".join(self.lines())
                raise AssertionError(f"never saw {wanted!r}; the screen:\n{shown}")

    def wait_for_exit(self) -> int:
        """Read until the program ends; its exit code."""
        end = time.monotonic() + self.deadline_s
        while self._read(0.05, end):
            assert time.monotonic() < end, "the program does not end:\n" + "\n".join(self.lines())
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def _read(self, patience: float, end: float) -> bool:
        """Draw what arrived; false when the program has closed the terminal."""
        ready, _, _ = select.select([self._fd], [], [], min(patience, max(end - time.monotonic(), 0)))
        if not ready:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        for question, answer in (
            (b"\x1b[6n", f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R"),
        ):
            if question in data:
                self.type(answer)
        return bool(data)
