"""Test children without any supervisor."""

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.collector import Collector

WAIT_S = 30.0


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="vb") as folder, Collector(Path(folder, "c")) as collector:
        yield collector


@contextmanager
def spawned(program: Path, count: int) -> Iterator[list[int]]:
    """The pids of so many children that are in their main()."""
    with collecting() as collector:
        pids = [spawn(program, collector) for _ in range(count)]
        try:
            collector.wait(lambda: len(collector.starts) >= count, WAIT_S)
            yield pids
        finally:
            end(pids)


def spawn(program: Path, collector: Collector) -> int:
    """One child more."""
    return os.posix_spawn(program, [str(program), collector.path, "x"], os.environ)


def end(pids: Sequence[int]) -> None:
    """Kill our own children and wait for them."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
