"""Forwarding: downloads and small requests by a port that leads to a peer, in turns with `ssh -L`."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.part import Part, Size
from bench.apps.program import get
from bench.apps.programs import Programs, cpu_s
from bench.apps.proxies import sshd
from bench.apps.town import ROW, Town
from bench.maths import percentile
from bench.mesh.faults.program import Trouble
from bench.metrics import Bound, Metric
from bench.ports import free_port
from bench.results import OURS, Sample
from bench.runner import say

SSH: Final = "ssh -L"
WARM: Final = 8 << 20
SMALL: Final = 1024

METRICS: Final = (
    Metric("forward_mb_per_s", "forwarded download", "MB/s", "more", bounds=(Bound(times=1, peer=SSH, n=0),)),
    Metric("forward_cpu_s_per_gb", "its CPU, of all that carries it", "s/GB", bounds=(Bound(4, n=0),)),
    Metric("forward_get_p50_ms", "small GET, p50", "ms", bounds=(Bound(10, n=0),)),
)


class Way(NamedTuple):
    """A port that leads to the web server, and the processes that carry what goes through it."""

    name: str
    port: int
    pids: tuple[int, ...]


@contextmanager
def ways() -> Iterator[list[Way]]:
    """All of them, up. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="bf") as folder, Programs(Path(folder)) as programs:
        target = free_port()
        programs.module("web", "bench.apps.web", str(target))
        found = [_ours(programs, target)]
        try:
            found.append(_ssh(programs, target))
        except Trouble as exc:
            say(f"  {SSH}: {exc}")
        for way in found:
            get(0, way.port, WARM)
        yield found


def _ours(programs: Programs, target: int) -> Way:
    town, port = Town(programs), free_port()
    near, far = ROW[:2]
    offer = f"offer {target} --to {town.keys[near]}"
    there = programs.module("there", "plugins.forward.server", "there", town.socket(far), "--rule", offer)
    fwd = f"fwd {port} {town.keys[far]}:{target}"
    here = programs.module("here", "plugins.forward.server", "here", town.socket(near), "--rule", fwd)
    return Way(OURS, port, (here.process.pid, there.process.pid, *town.pids(near, far)))


def _ssh(programs: Programs, target: int) -> Way:
    made, port = sshd(programs), free_port()
    leads = f"127.0.0.1:{port}:127.0.0.1:{target}"
    return Way(SSH, port, (made.pid, programs.server("ssh", "-N", "-L", leads, *made.words, port=port)))


def bulk(size: Size) -> Iterator[Sample]:
    """Each way in turn."""
    count = size.mib << 20
    with ways() as found:
        for _ in range(size.tries):
            for way in found:
                before = cpu_s(*way.pids)
                yield Sample("forward_mb_per_s", 0, way.name, count / 1e6 / get(0, way.port, count))
                used = (cpu_s(*way.pids) - before) / (count / 1e9)
                yield Sample("forward_cpu_s_per_gb", 0, way.name, used)


def small(size: Size) -> Iterator[Sample]:
    """A new connection for each GET, by each way in turn."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with ways() as found:
        for _ in range(size.gets):
            for way in found:
                taken[way.name].append(1000 * get(0, way.port, SMALL))
    for name, times in taken.items():
        yield Sample("forward_get_p50_ms", 0, name, percentile(times, 50))


Row = Callable[[Size], Iterator[Sample]]
ROWS: Final[dict[str, Row]] = {"forward-bulk": bulk, "forward-get": small}
PART: Final = Part(ROWS, METRICS)
