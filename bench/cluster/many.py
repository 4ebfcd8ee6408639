"""`on @all ping` over real hosts: homes with daemons of their own, some in network namespaces (as root).

Each host is asked alone and all at once, in turns, so that a busy moment of the machine hits both.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.apps.ground import call
from bench.cluster.home import BenchHome, found
from bench.cluster.part import Size
from bench.maths import median
from bench.mesh.faults.program import Trouble, until
from bench.ports import free_port
from bench.results import OURS, Sample

APART: Final = 3  # of them, in namespaces
SETTLE_S: Final = 3.0
_APPS: Final = {"web": {"command": ["sleep", "100000"], "autostart": True}}


@contextmanager
def fleet(
    count: int, apps: dict[str, Any] | None = None, **more: Any
) -> Iterator[list[BenchHome]]:  # Any: config
    """So many homes, each up in the eyes of the first; all gone at the end. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="bk") as folder, ExitStack() as stack:
        apart = APART if os.geteuid() == 0 and count > 2 * APART else 0
        homes = []
        for number in range(count):
            home = _home(Path(folder), number, stack, apart=number >= count - apart)
            stack.callback(home.kill)
            homes.append(home)
        found(homes)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda home: home.start(_config(home, more)), homes))
        _meet(homes)
        yield homes


def _meet(homes: list[BenchHome]) -> None:
    """Until the first sees all. Raises `Trouble`, which says who is missing."""
    try:
        until(lambda: states(homes[0]) == {"up": len(homes)})
    except Trouble as exc:
        missing = [f"{row['label']}: {row['why']}" for row in homes[0].told("hosts") if row["state"] != "up"]
        raise Trouble(f"not all hosts are up: {'; '.join(missing)}") from exc


def states(home: BenchHome) -> dict[str, int]:
    """How many hosts are seen in each state."""
    return dict(Counter(row["state"] for row in home.told("hosts")))


def _home(folder: Path, number: int, stack: ExitStack, *, apart: bool) -> BenchHome:
    ground, address = "", "127.0.0.1"
    if apart:
        ground, address = f"b{secrets.token_hex(3)}", f"10.217.{number}.2"
        call("ip", "netns", "add", ground)
        stack.callback(call, "ip", "netns", "delete", ground)
        call("ip", "link", "add", ground, "type", "veth", "peer", "name", "out", "netns", ground)
        stack.callback(call, "ip", "link", "delete", ground)
        call("ip", "address", "add", f"10.217.{number}.1/30", "dev", ground)
        call("ip", "link", "set", ground, "up")
        call("ip", "-n", ground, "address", "add", f"{address}/30", "dev", "out")
        for device in ("out", "lo"):
            call("ip", "-n", ground, "link", "set", device, "up")
    home = BenchHome(folder / f"h{number:02}", f"h{number:02}", ground=ground)
    home.addresses = (f"tcp://{address}:{free_port()}",)
    return home


def _config(home: BenchHome, more: dict[str, Any]) -> dict[str, Any]:  # Any: as above
    where = list(home.addresses)
    return {"apps": _APPS, "cluster": {"listen": where, "label": home.label}, **more}


def on_all(size: Size) -> Iterator[Sample]:
    """The time of all at once, beside that of the slowest alone."""
    with fleet(size.hosts) as homes:
        time.sleep(SETTLE_S)
        words = {home.label: ("on", home.label, "ping", "web") for home in homes}
        words["@all"] = ("on", "@all", "ping", "web")
        taken: dict[str, list[float]] = {name: [] for name in words}
        for _ in range(size.tries):
            for name, argv in words.items():
                began = time.perf_counter()
                rows = homes[0].told(*argv)
                taken[name].append(1000 * (time.perf_counter() - began))
                if any(row["status"] != "ok" for row in rows):
                    yield Sample("on_all_failed", size.hosts, OURS, 1)
    together = median(taken.pop("@all"))
    slowest = max(median(values) for values in taken.values())
    yield Sample("on_all_ms", size.hosts, OURS, together)
    yield Sample("on_one_ms", size.hosts, OURS, slowest)
    yield Sample("on_all_ratio", size.hosts, OURS, together / slowest)
