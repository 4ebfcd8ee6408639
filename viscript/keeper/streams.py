"""The ends of one app: its FIFOs or its terminal, drained into its log.

The app opens its FIFO for reading and writing, so that it neither dies nor stalls with us, and so do we,
by path: the next keeper opens the same one and finds what was not drained yet.
"""

import base64
import os
import stat
import termios
from typing import Final, Protocol

from viscript.keeper.drain import Drain, Ended, Move, Note, Watch, copy
from viscript.keeper.loop import BULK, Loop, Timer
from viscript.keeper.protocol import Refusal
from viscript.keeper.segments import ERR, OUT, Segments
from viscript.keeper.spawn import Ends
from viscript.keeper.spec import Spec

_NULL: Final = "/dev/null"
_LAST_DRAIN_BYTES: Final = 4 * 1024 * 1024  # more than a pipe can hold by default limits
_ANYONE: Final = 0o666  # inside a folder that is ours alone: only /proc/self/fd leads there


class Told(Protocol):
    """Who hears what happens to a stream."""

    def note(self, seq: int, stream: str, note: Note) -> None:
        """The log was paused, resumed, or the terminal is gone."""

    def grown(self, seq: int, stream: str, end: int) -> None:
        """A watched log has grown."""


class Streams:
    """All descriptors of one app that the keeper holds."""

    __slots__ = (
        "_closed",
        "_drains",
        "_folder",
        "_loop",
        "_made",
        "_master",
        "_move",
        "_seq",
        "_slave",
        "_spec",
        "_stdin",
        "_told",
        "_watch_timer",
        "_watches",
    )

    def __init__(self, seq: int, folder: str, loop: Loop, move: Move, told: Told) -> None:
        self._seq = seq
        self._folder = folder
        self._loop = loop
        self._move = move
        self._told = told
        self._spec: Spec | None = None
        self._drains: dict[str, Drain] = {}
        self._closed = (0, 0)  # drained and lost by drains that are closed
        self._made: list[str] = []  # FIFOs that are there
        self._stdin = -1
        self._master = -1
        self._slave = -1
        self._watches: dict[str, Watch] | None = None
        self._watch_timer: Timer | None = None

    def prepare(self, spec: Spec) -> Ends:
        """Have everything open for a new run. Raises `Refusal` `spawn`."""
        try:
            if spec.tty:
                return self._open_terminal(spec)
            self._close_terminal()
            if self._spec is not None and spec.log != self._spec.log:
                self._close_drains()
            self._open_fifos(spec)
            self._discard_input()
        except OSError as exc:
            raise Refusal("spawn", f"cannot open its output: {exc}") from exc
        return self._ends(spec)

    def reopen(self, spec: Spec) -> None:
        """Go on with a run of an earlier keeper. A terminal comes by `take`, if the daemon held it."""
        if not spec.tty:
            self._open_fifos(spec)
        self._spec = spec

    def take(self, master: int) -> None:
        """Go on with a terminal that somebody kept for us."""
        if self._spec is None or not self._spec.tty:
            raise Refusal("not-a-terminal", "this app has no terminal")
        self._close_terminal()
        self._use_terminal(master, self._spec)

    def held(self) -> dict[str, int]:
        """Descriptors by name, for who wants to keep them open."""
        fds = {name: drain.source for name, drain in self._drains.items()}
        if self._master >= 0:
            fds = {"master": self._master}
        if self._stdin >= 0:
            fds["in"] = self._stdin
        return fds

    def write(self, data: bytes) -> int:
        """Give the app input; the number of bytes it took. Raises `Refusal` `no-stdin`."""
        fd = self._master if self._master >= 0 else self._stdin
        if fd < 0:
            raise Refusal("no-stdin", "its standard input is not connected (stdin: pipe or tty: true)")
        try:
            return os.write(fd, data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise Refusal("no-stdin", f"its standard input is gone: {exc.strerror}") from exc

    def resize(self, cols: int, rows: int) -> None:
        """Tell the terminal its size. Raises `Refusal` `not-a-terminal`."""
        if self._master < 0:
            raise Refusal("not-a-terminal", "this app has no terminal")
        termios.tcsetwinsize(self._master, (rows, cols))

    def watch(self, on: bool) -> None:
        """Whether to tell when a log grows."""
        self._watches = {} if on else None
        if on:
            self._tell_growth()

    def set_log(self, spec: Spec) -> None:
        """Take over new rotation figures at once."""
        for drain in self._drains.values():
            if drain.log is not None:
                drain.log.set_limits(spec.log.max_bytes, spec.log.backups)

    def drain_all(self) -> None:
        """Move what is still in the pipes. To be called when nobody writes any more."""
        for name, drain in self._drains.items():
            self._pump(name, drain, _LAST_DRAIN_BYTES)

    def counters(self) -> tuple[int, int]:
        """Bytes drained and bytes lost."""
        drained, lost = self._closed
        for drain in self._drains.values():
            drained, lost = drained + drain.drained, lost + drain.lost
        return drained, lost

    def close(self, *, remove: bool) -> None:
        """Close everything; `remove` also the FIFOs, when no process of the app is left."""
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        self._close_terminal()
        self._close_drains()
        if remove:
            for name in self._made:
                _unlink(self._path(name))
            self._made.clear()

    def _ends(self, spec: Spec) -> Ends:
        out = self._path(OUT)
        return Ends(
            self._path("in") if spec.stdin == "pipe" else _NULL,
            out,
            out if spec.merge else self._path(ERR),
        )

    def _open_fifos(self, spec: Spec) -> None:
        self._spec = spec
        wanted = (OUT,) if spec.merge else (OUT, ERR)
        for name in set(self._drains) - set(wanted):
            self._close_drain(name)
        for name in wanted:
            if name not in self._drains:
                self._add_drain(name, self._open_fifo(name, spec), self._move, spec)
        if spec.stdin == "pipe":
            if self._stdin < 0:
                self._stdin = self._open_fifo("in", spec)
        elif self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def _discard_input(self) -> None:
        """What was meant for the run before is not for this one."""
        try:
            while self._stdin >= 0 and os.read(self._stdin, 1 << 16):
                continue
        except BlockingIOError:
            return

    def _open_fifo(self, name: str, spec: Spec) -> int:
        path = self._path(name)
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            if not stat.S_ISFIFO(os.lstat(path).st_mode):
                raise
        if name not in self._made:
            self._made.append(name)
        if spec.user is not None:
            os.chmod(path, _ANYONE)  # it may open /dev/stdout
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def _open_terminal(self, spec: Spec) -> Ends:
        self._close_terminal()
        self._close_drains()
        self._spec = spec
        master, slave = os.openpty()
        path = os.ttyname(slave)
        if spec.user is not None:
            os.chmod(slave, _ANYONE)
        os.set_blocking(master, False)
        termios.tcsetwinsize(master, (spec.rows, spec.cols))
        self._slave = slave  # output waits in the terminal until it is drained, though its writers are gone
        self._use_terminal(master, spec)
        return Ends(path, path, path, terminal=True)

    def _use_terminal(self, master: int, spec: Spec) -> None:
        self._master = master
        self._add_drain(OUT, master, copy, spec)

    def _add_drain(self, name: str, source: int, move: Move, spec: Spec) -> None:
        log = spec.log
        segments = None
        if log.dir is not None:
            segments = Segments(log.dir, name, max_bytes=log.max_bytes, backups=log.backups, file=log.file)
        drain = Drain(source, segments, move)
        self._drains[name] = drain
        self._loop.read(source, lambda: self._pump(name, drain), BULK)

    def _pump(self, name: str, drain: Drain, budget: int | None = None) -> None:
        now = self._loop.now()
        notes = drain.pump(now) if budget is None else drain.pump(now, budget)
        for note in notes:
            if isinstance(note, Ended):
                self._loop.forget(drain.source)
            self._told.note(self._seq, name, note)
        if self._watches is not None:
            self._tell_growth()

    def _tell_growth(self) -> None:
        """Tell of each log that has grown, or come back when it may be told."""
        now = self._loop.now()
        for name, drain in self._drains.items():
            if self._watches is None:
                return
            watch = self._watches.setdefault(name, Watch())
            if watch.due(drain.end, now):
                watch.told(drain.end, now)
                self._told.grown(self._seq, name, drain.end)
            elif watch.is_behind(drain.end) and (self._watch_timer is None or self._watch_timer.call is None):
                self._watch_timer = self._loop.at(watch.next, self._tell_growth)

    def _close_drain(self, name: str) -> None:
        drain = self._drains.pop(name)
        self._closed = self._closed[0] + drain.drained, self._closed[1] + drain.lost
        self._loop.forget(drain.source)
        if drain.log is not None:
            drain.log.close()
        os.close(drain.source)

    def _close_drains(self) -> None:
        for name in tuple(self._drains):
            self._close_drain(name)
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def _close_terminal(self) -> None:
        if self._master >= 0:
            self._master = -1
            self._close_drain(OUT)
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def _path(self, name: str) -> str:
        return f"{self._folder}/{self._seq}.{name}"


def decoded(text: object) -> bytes:
    """Bytes from base64. Raises `Refusal` `bad-request`."""
    if not isinstance(text, str):
        raise Refusal("bad-request", "data must be base64 text")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise Refusal("bad-request", f"data is not base64: {exc}") from exc


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
