"""`on @all ping` over real hosts: homes with daemons of their own, some in network namespaces (as root).

Each host is asked alone and all at once, in turns, so that a busy moment of the machine hits both.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.apps.ground import call
from bench.cluster.home import BenchHome, found
from bench.cluster.part import Size
from bench.machine import cpu_seconds
from bench.maths import median
from bench.mesh.faults.program import Trouble, until
from bench.ports import free_port
from bench.results import OURS, Sample

APART: Final = 3  # of them, in namespaces
SETTLE_S: Final = 3.0


def _web(folder: Path) -> dict[str, Any]:  # Any: a configuration
    del folder
    return {"web": {"command": ["sleep", "100000"], "autostart": True}}


@contextmanager
def fleet(
    count: int, apps: Callable[[Path], Mapping[str, Any]] = _web, **more: Any
) -> Iterator[list[BenchHome]]:  # Any: a configuration
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
            wanted = {"apps": apps(Path(folder)), **more}
            list(pool.map(lambda home: home.start({**wanted, "cluster": _cluster(home)}), homes))
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


def _cluster(home: BenchHome) -> dict[str, Any]:  # Any: a configuration
    return {"listen": list(home.addresses), "label": home.label}


def on_all(size: Size) -> Iterator[Sample]:
    """All at once beside the slowest alone: as somebody types it, and at the daemon's door."""
    with fleet(size.hosts) as homes:
        time.sleep(SETTLE_S)
        typed = _taken(homes, max(3, size.tries // 3), _type)
        asked = _taken(homes, size.tries, _ask)
        before = cpu_seconds(home.pid for home in homes)
        for _ in range(size.tries):
            _ask(homes[0], "@all")
        cpu_ms = 1000 * (cpu_seconds(home.pid for home in homes) - before) / size.tries
    for name, (together, slowest) in (("typed", typed), ("asked", asked)):
        yield Sample(f"on_all_{name}_ms", size.hosts, OURS, together)
        yield Sample(f"on_one_{name}_ms", size.hosts, OURS, slowest)
        yield Sample(f"on_all_{name}_ratio", size.hosts, OURS, together / slowest)
    yield Sample("on_all_cpu_ms_a_host", size.hosts, OURS, cpu_ms / size.hosts)


def _taken(homes: list[BenchHome], rounds: int, ask: Callable[[BenchHome, str], None]) -> tuple[float, float]:
    """Milliseconds: of all at once, and of the slowest alone; medians."""
    taken: dict[str, list[float]] = {name: [] for name in ("@all", *(home.label for home in homes[1:]))}
    for _ in range(rounds):
        for name, times in taken.items():
            began = time.perf_counter()
            ask(homes[0], name)
            times.append(1000 * (time.perf_counter() - began))
    together = median(taken.pop("@all"))
    return together, max(map(median, taken.values()))


def _ask(home: BenchHome, where: str) -> None:
    """At the door. Raises `Trouble`."""
    rows = home.told(*_words(where))
    if any(row["status"] != "ok" for row in rows):
        raise Trouble(f"not all of {where} answered well: {rows}"[:300])


def _type(home: BenchHome, where: str) -> None:
    """As a command of its own. Raises `Trouble`."""
    done = home.run(*_words(where))
    if done.returncode:
        raise Trouble(f"{where}: {done.stdout.strip()} {done.stderr.strip()}"[:300])


def _words(where: str) -> tuple[str, ...]:
    return ("on", where, "ping", "web")
