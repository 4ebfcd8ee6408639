"""What needs whole visors, with services and apps of their own: memory, dials, and what churn leaves behind.

Visors A - B - C - D stand in a row; apps at A reach a host at B over one hop, and one at C over two.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.programs import Programs
from bench.apps.town import Town
from bench.mesh.faults.program import Program

APPS: Final = "bench.mesh.guests"
BY_HOPS: Final = {1: "B", 2: "C"}
STREAMS: Final = 128
LOOKS_S: Final = 0.1  # between two looks at a process under load
SETTLE_S: Final = 2.0
WARM_DIALS: Final = 1000  # groups, buffers and caches are then as many as they get
PATIENCE_S: Final = 120.0


class Whole(NamedTuple):
    """A town, and what starts apps in it."""

    programs: Programs
    town: Town

    def app(self, work: str, visor: str, *words: str) -> Program:
        """An app of that visor, ready."""
        name = f"{work}-{visor}-{'-'.join(words)[-12:]}"
        return self.programs.module(name, APPS, work, self.town.socket(visor), *words)

    def rss_mb(self, name: str) -> float:
        """Of one visor now, in 10^6 bytes."""
        (pid,) = self.town.pids(name)
        (line,) = [
            line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
        ]
        return int(line.split()[1]) * 1024 / 1e6


@contextmanager
def whole() -> Iterator[Whole]:
    """All of it, up, with a host at the end of each way. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="bw") as folder, Programs(Path(folder)) as programs:
        made = Whole(programs, Town(programs))
        for visor in BY_HOPS.values():
            made.app("host", visor)
        yield made


class Memory(NamedTuple):
    """MB of a visor; the largest of those on the way, and at any time."""

    idle: float
    loaded: float


def memory(seconds: float) -> Memory:
    """At rest after its start, and with 128 streams written as fast as they go, two hops."""
    with whole() as made:
        time.sleep(SETTLE_S)
        idle = max(made.rss_mb(name) for name in "ABC")
        made.app("pour", "A", made.town.keys["C"], str(STREAMS))
        end, loaded = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            time.sleep(LOOKS_S)
            loaded = max(loaded, *(made.rss_mb(name) for name in "ABC"))
    return Memory(idle, loaded)


def cold_dials(hops: int, count: int) -> list[float | None]:
    """Milliseconds to the first byte, of each dial; None for one that failed."""
    with whole() as made:
        app = made.app("cold", "A", made.town.keys[BY_HOPS[hops]], str(hops), str(count))
        taken: list[float | None] = json.loads(app.line(PATIENCE_S))
        return taken


class Leak(NamedTuple):
    """What dials left behind in the visor that grew most."""

    mb: float
    dials: int
    failed: int


def churn(seconds: float) -> Leak:
    """Dials without end, some with routes of their own, from when the visors are warm."""
    with whole() as made:
        app = made.app("churn", "A", made.town.keys["C"])
        while (warm := _count(app))["dials"] < WARM_DIALS:
            time.sleep(LOOKS_S)
        before = {name: made.rss_mb(name) for name in "ABC"}
        time.sleep(seconds)
        done = _count(app)
        grown = max(made.rss_mb(name) - mb for name, mb in before.items())
    dials = done["dials"] - warm["dials"]
    return Leak(grown, dials, dials - (done["well"] - warm["well"]))


def _count(app: Program) -> dict[str, int]:
    app.tell("")
    counted: dict[str, int] = json.loads(app.line())
    return counted
