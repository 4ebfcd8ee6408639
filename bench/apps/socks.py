"""SOCKS: downloads, small requests and ends of one direction, beside other proxies in the same turns.

`n` is the number of nodes between the client's and the exit's. All processes are on this host.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.part import Part, Size
from bench.apps.program import get, half_close
from bench.apps.programs import Programs, cpu_s
from bench.apps.proxies import PEERS, Proxy
from bench.apps.town import RELAYED, ROW, Town
from bench.maths import percentile
from bench.mesh.faults.program import Trouble
from bench.metrics import Bound, Metric
from bench.ports import free_port
from bench.results import OURS, Sample
from bench.runner import say

PPROXY: Final = "pproxy"
RELAY: Final = "by relay"
WARM: Final = 8 << 20
SMALL: Final = 1024
ENDS: Final = 20

METRICS: Final = (
    Metric(
        "socks_mb_per_s", "SOCKS download", "MB/s", "more",
        bounds=(Bound(times=1, peer=PPROXY, n=0),),
    ),
    Metric("socks_cpu_s_per_gb", "its CPU, of all that carries it", "s/GB", bounds=(Bound(4, n=0),)),
    Metric("socks_between_share", "one node between, of direct", "", "more", bounds=(Bound(0.8, n=None),)),
    Metric("socks_relay_share", "by the messenger, of direct", "", "more", bounds=(Bound(0.75, n=None),)),
    Metric("socks_get_p50_ms", "small GET, p50", "ms", bounds=(Bound(1.2, n=0),)),
    Metric("socks_get_p95_ms", "small GET, p95", "ms", bounds=(Bound(2, n=0),)),
    Metric("socks_half_close_ms", "end of one direction, slowest", "ms", bounds=(Bound(100, n=None),)),
)  # fmt: skip


class Field(NamedTuple):
    """Every proxy, ours first, and the web server behind them."""

    proxies: list[Proxy]
    target: int


@contextmanager
def field() -> Iterator[Field]:
    """All of it, up. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="ba") as folder, Programs(Path(folder)) as programs:
        town = Town(programs)
        target = free_port()
        programs.module("web", "bench.apps.web", str(target))
        proxies = [_ours(programs, town, place, last) for place, last in enumerate(ROW[1:])]
        proxies.append(_ours(programs, town, 0, RELAYED)._replace(name=RELAY))
        for name, start in PEERS.items():
            try:
                proxies.append(start(programs))
            except Trouble as exc:
                say(f"  {name}: {exc}")
        for proxy in proxies:
            get(proxy.port, target, WARM)
        yield Field(proxies, target)


def _ours(programs: Programs, town: Town, between: int, last: str) -> Proxy:
    first, port = ROW[0], free_port()
    socket = town.socket(last)
    server = programs.module(f"exit-{last}", "plugins.socks.server", "out", socket, "--allow-private")
    words = ("--listen", f"127.0.0.1:{port}", "--http", "off", "--peer", town.keys[last])
    client = programs.module(f"client-{last}", "plugins.socks.client", "in", town.socket(first), *words)
    visors = [*ROW[: between + 2]] if last != RELAYED else [first, last, "messenger"]
    return Proxy(OURS, between, port, (server.process.pid, client.process.pid, *town.pids(*visors)))


def bulk(size: Size) -> Iterator[Sample]:
    """Each proxy in turn; what is compared is of one turn."""
    count = size.mib << 20
    with field() as made:
        for _ in range(size.tries):
            rates: dict[tuple[str, int], float] = {}
            for proxy in made.proxies:
                before = cpu_s(*proxy.pids)
                rates[proxy.name, proxy.between] = rate = count / 1e6 / get(proxy.port, made.target, count)
                yield Sample("socks_mb_per_s", proxy.between, proxy.name, rate)
                used = (cpu_s(*proxy.pids) - before) / (count / 1e9)
                yield Sample("socks_cpu_s_per_gb", proxy.between, proxy.name, used)
            direct = rates[OURS, 0]
            yield Sample("socks_between_share", 1, OURS, rates[OURS, 1] / direct)
            yield Sample("socks_relay_share", 0, OURS, rates[RELAY, 0] / direct)


def small(size: Size) -> Iterator[Sample]:
    """A new connection for each GET, by each proxy in turn."""
    taken: defaultdict[Proxy, list[float]] = defaultdict(list)
    with field() as made:
        for _ in range(size.gets):
            for proxy in made.proxies:
                taken[proxy].append(1000 * get(proxy.port, made.target, SMALL))
    for proxy, times in taken.items():
        yield Sample("socks_get_p50_ms", proxy.between, proxy.name, percentile(times, 50))
        yield Sample("socks_get_p95_ms", proxy.between, proxy.name, percentile(times, 95))


def ends(size: Size) -> Iterator[Sample]:
    """Ours alone: others do not pass it on, or end both directions."""
    with field() as made:
        for proxy in made.proxies:
            if proxy.name in (OURS, RELAY):
                slowest = max(half_close(proxy.port) for _ in range(ENDS))
                yield Sample("socks_half_close_ms", proxy.between, proxy.name, 1000 * slowest)


Row = Callable[[Size], Iterator[Sample]]
ROWS: Final[dict[str, Row]] = {"socks-bulk": bulk, "socks-get": small, "socks-half-close": ends}
PART: Final = Part(ROWS, METRICS)
