"""What is done with a path that is up, and what of it is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.mesh.crew import Counter, Crew, Worker
from bench.mesh.path import Streams, path

WARM_BYTES = 50_000_000
WAIT_S = 20.0


class Flow(NamedTuple):
    """A transfer over some seconds."""

    mb_per_s: float
    cpu: dict[str, float]  # CPU seconds for a GB, by process


def bulk(middles: int, seconds: float, *, streams: int = 1, stalled: int = 0, relayed: bool = False) -> Flow:
    """As fast as it goes; the first `stalled` streams are written and never read."""
    with Crew() as crew:
        return _flow(crew, pour(crew, path(crew, [middles], streams, relayed=relayed), stalled), seconds)


def hop(kind: Callable[[Crew], tuple[int, int]], seconds: float) -> Flow:
    """Two processes and one socket between them, blocks of 256 KiB: what the kernel and Python take."""
    with Crew() as crew:
        return _flow(crew, pour(crew, [kind(crew)]), seconds)


def pour(crew: Crew, streams: Streams, stalled: int = 0) -> Counter:
    """A source and a sink on these streams, warm; what the sink has read."""
    counter = crew.counter()
    near, far = [one for one, _ in streams], [one for _, one in streams[stalled:]]
    crew.app("sink", "sink", counter.fd, *far, fds=[counter.fd, *far])
    crew.app("source", "source", *near, fds=near)
    end = time.monotonic() + WAIT_S
    while counter.value < WARM_BYTES:
        if time.monotonic() > end:
            raise TimeoutError(f"{counter.value} bytes in {WAIT_S:.0f} s")
        time.sleep(0.02)
    return counter


def _flow(crew: Crew, counter: Counter, seconds: float) -> Flow:
    began, bytes_before, before = time.monotonic(), counter.value, crew.cpu()
    time.sleep(seconds)
    ended, bytes_after, after = time.monotonic(), counter.value, crew.cpu()
    moved = (bytes_after - bytes_before) / 1e9
    cpu = {name: (used - before[name]) / moved for name, used in after.items()}
    return Flow(1000 * moved / (ended - began), cpu)


def echo(middles: int, count: int, *, loaded: bool = False) -> list[float]:
    """Round trips of 64 bytes in us, alone or beside a transfer as fast as it goes in the same group."""
    with Crew() as crew:
        (near, far), *rest = path(crew, [middles], 2 if loaded else 1)
        if loaded:
            pour(crew, rest)
        crew.app("echo", "echo", far, fds=[far])
        return _told(crew.app("ping", "ping", near, count, fds=[near]))


def _told(worker: Worker) -> list[float]:
    taken: list[float] = json.loads(worker.output.readline())
    return taken


def half_closes(middles: int, count: int) -> list[float]:
    """How long the end of one direction takes to the far end, in ms; a stream each."""
    with Crew() as crew:
        fds = [fd for pair in path(crew, [middles], count) for fd in pair]
        return _told(crew.app("close", "close", *fds, fds=fds))


def lost_route(seconds: float) -> float:
    """Two routes, the one in use is killed in the middle: the longest time without a byte, in ms."""
    with Crew() as crew:
        counter = pour(crew, path(crew, [1, 1], 1))
        crew.workers["middle 1.1"].process.kill()
        return 1000 * _longest_gap(counter, seconds)


def _longest_gap(counter: Counter, seconds: float) -> float:
    last, since, longest = counter.value, time.monotonic(), 0.0
    end = since + seconds
    while (now := time.monotonic()) < end:
        if counter.value != last:
            last, since = counter.value, now
        longest = max(longest, now - since)
        time.sleep(0.001)
    return longest
