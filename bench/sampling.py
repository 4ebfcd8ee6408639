"""One pass of our usage sampler over plain children; the floor reads their kept-open /proc files."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.children import spawned
from bench.maths import median
from bench.metrics import FLOOR
from bench.results import OURS, Sample
from bench.scale import Scale
from viscript.usage.sampler import Sampler

_PASSES: Final = 15
_STAT_BYTES: Final = 512


def sampling(program: Path, count: int, scale: Scale) -> list[Sample]:
    """Passes in turn, ours and the floor's; the first of each, which opens the files, is not counted."""
    with spawned(program, count) as pids:
        sampler = Sampler(lambda: dict(enumerate(pids, 1)), time.monotonic)
        files = [os.open(f"/proc/{pid}/stat", os.O_RDONLY) for pid in pids]
        taken: dict[str, list[float]] = {OURS: [], FLOOR: []}
        for _ in range(_PASSES):
            taken[OURS].append(milliseconds(lambda: sampler.tick(time.monotonic())))
            taken[FLOOR].append(milliseconds(lambda: _look(files)))
        sampler.close()
        for fd in files:
            os.close(fd)
    return [Sample("sample_ms", count, peer, median(times[1:])) for peer, times in taken.items()]


def _look(files: list[int]) -> list[tuple[int, int]]:
    found = []
    for fd in files:
        words = os.pread(fd, _STAT_BYTES, 0).rpartition(b")")[2].split()
        found.append((int(words[11]) + int(words[12]), int(words[21])))
    return found


def milliseconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3
