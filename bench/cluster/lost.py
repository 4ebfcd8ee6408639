"""A host is lost, all that runs there at once: when the others see it, and when its app runs elsewhere.

`n` is how many leaders of the engine are killed in the same moment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.cluster.home import BenchHome
from bench.cluster.many import fleet
from bench.cluster.part import Size
from bench.mesh.faults.program import Trouble
from bench.results import OURS, Sample
from tests.support.etcd import Etcd, etcd_cluster
from tests.support.joined import TELLER, newest, told
from viscript.keeper.fence import boottime

HOSTS: Final = 3
LOOK_S: Final = 0.05
LONGEST_S: Final = 60.0
BACK_S: Final = 0.5  # that a killed leader of the engine is away


def lost_host(size: Size) -> Iterator[Sample]:
    """With the engine healthy, and with one change of its leader."""
    del size
    for changes in (0, 1):
        with etcd_cluster() as etcd, fleet(HOSTS, apps=_apps, store=etcd.url("/viscript/bench")) as homes:
            for name, seconds in _lose(homes, etcd, changes).items():
                yield Sample(name, changes, OURS, seconds)


def _apps(folder: Path) -> dict[str, Any]:  # Any: a configuration
    """An app that says twenty times a second who it is, to a file that all hosts append to."""
    program = folder / "teller.py"
    program.write_text(TELLER)
    return {"teller": {"command": [sys.executable, "-S", str(program), str(_file(folder))]}}


def _file(folder: Path) -> Path:
    return folder / "told"


def _lose(homes: list[BenchHome], etcd: Etcd, changes: int) -> dict[str, float]:
    """Seconds from the loss. Raises `Trouble`."""
    shared = _file(homes[0].root.parent)
    homes[0].told("deploy", "teller")
    first = newest(shared)
    lost = next(home for home in homes if home.label == first.host)
    watcher = next(home for home in homes if home is not lost)
    _settle(watcher, lost)
    leader = etcd.leader() if changes else None
    killed = boottime()
    lost.kill()
    if leader is not None:
        leader.kill()
    seen = _seen(watcher, lost.label, killed, etcd, leader)
    second = newest(shared, after=killed + 0.5)
    began = min(one.at for one in told(shared) if one.fence == second.fence)
    if any(one.at > began for one in told(shared) if one.fence == first.fence):
        raise Trouble("two instances ran at once")
    return {**seen, "lost_moved_s": began - killed}


def _settle(watcher: BenchHome, lost: BenchHome) -> None:
    """Until the lease and the links are some seconds old, as they are in life."""
    end = time.monotonic() + 5.0
    while time.monotonic() < end or _state(watcher, lost.label) != "up":
        time.sleep(LOOK_S)


def _seen(watcher: BenchHome, label: str, killed: float, etcd: Etcd, leader: Any) -> dict[str, float]:
    """When it was seen as suspect, and as down. Raises `Trouble`."""
    seen: dict[str, float] = {}
    while "lost_down_s" not in seen:
        after = boottime() - killed
        if after > LONGEST_S:
            raise Trouble(f"{label} is not seen to be down")
        if leader is not None and after > BACK_S:
            etcd.start(leader)
            leader = None
        state = _state(watcher, label)
        if state in ("suspect", "down"):
            seen.setdefault(f"lost_{state}_s", after)
        time.sleep(LOOK_S)
    return seen


def _state(watcher: BenchHome, label: str) -> str:
    return next(str(row["state"]) for row in watcher.told("hosts") if row["label"] == label)
