"""One visit to one peer: a scratch folder, the programs, the daemon, and nothing left of them afterwards."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.collector import Collector
from bench.peers.peer import Peer, Program

UP_S = 110.0
_EMPTY_S = 1.5
_END_S = 20.0


class StageError(Exception):
    """The peer did not bring its programs up."""


class Up(NamedTuple):
    """How a cold start went."""

    seconds: float  # until the last main() began
    cpu_seconds: float  # of the supervisor's own processes


class Stage:
    """A peer with `count` programs, not yet started."""

    def __init__(self, peer: Peer, collector: Collector, count: int) -> None:
        self.peer = peer
        self.collector = collector
        self.count = count
        self._members: set[int] = set()  # of the supervisor, ever seen: what must be gone in the end

    def bring_up(self) -> Up:
        """Start the daemon and wait until all programs run. Raises `StageError` when some do not."""
        starts = self.collector.starts
        wanted = len(starts) + self.count
        began = time.monotonic_ns()
        self.peer.start()
        self.collector.wait(lambda: len(starts) >= wanted, UP_S)
        if len(starts) < wanted:
            raise StageError(f"{len(starts)} of {wanted} programs came up; {self.peer.said()}")
        if not self.count:
            time.sleep(_EMPTY_S)
        last = max((told.at for told in starts), default=began)
        return Up((last - began) / 1e9, machine.cpu_seconds(self.family()))

    def family(self) -> list[int]:
        """The supervisor's own processes."""
        members = machine.family(self.peer.roots())
        self._members.update(members)
        return members

    def children(self) -> list[int]:
        """The programs that run."""
        return [told.pid for told in self.collector.starts if machine.is_child(told.pid)]

    def end(self) -> None:
        """Ask the peer to end; kill what of it, and of its programs, is left."""
        self.family()
        self.peer.end()
        end = time.monotonic() + _END_S
        while time.monotonic() < end and any(machine.alive(pid) for pid in self._members):
            self.peer.reap()
            time.sleep(0.05)
        for pid in (*filter(machine.alive, self._members), *self.children()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.peer.reap()


@contextmanager
def visit(
    kind: type[Peer], tools: Path | None, program: Path, count: int, *, writes: tuple[str, ...] = ()
) -> Iterator[Stage]:
    """A stage; with `writes`, its programs are told to write lines, and their output is kept."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="vb", ignore_cleanup_errors=True))
        )
        collector = stack.enter_context(Collector(folder / "c"))
        peer = kind(tools, folder)
        names = [f"p{number}" for number in range(count)]
        peer.configure(
            [Program(name, (str(program), collector.path, name, *writes)) for name in names], log=bool(writes)
        )
        stage = Stage(peer, collector, count)
        stack.callback(stage.end)
        yield stage
