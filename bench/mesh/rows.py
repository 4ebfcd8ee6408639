"""The rows of the mesh's bench: each gives figures of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from bench.maths import percentile
from bench.mesh import floors
from bench.mesh.measure import Flow, bulk, echo, lost_route
from bench.mesh.metrics import HOP, IPERF
from bench.mesh.pipes import through_hosts
from bench.metrics import FLOOR
from bench.results import OURS, Sample

MIDDLES: Final = (0, 1, 2)
MANY: Final = 128


class Size(NamedTuple):
    """How long a row measures."""

    seconds: float
    pings: int


FULL: Final = Size(4.0, 4000)
QUICK: Final = Size(1.5, 1000)


def of_bulk(size: Size) -> Iterator[Sample]:
    """Throughput and CPU beside iperf3, one raw hop, and the sum of sockets and cipher."""
    tcp, unix, aead = floors.tcp(size.seconds), floors.unix(size.seconds), floors.aead()
    rate = floors.iperf3(size.seconds)
    raw = sum(tcp.cpu.values())
    for middles in MIDDLES:
        bound = floors.sum_of_floors(middles, raw, sum(unix.cpu.values()), aead)
        yield Sample("bulk_mb_per_s", middles, IPERF, rate)
        yield Sample("cpu_s_per_gb", middles, FLOOR, bound)
        yield from of_flow(middles, bulk(middles, size.seconds))
        if middles:
            yield Sample("middle_cpu_s_per_gb", middles, HOP, raw)


def of_flow(middles: int, flow: Flow) -> Iterator[Sample]:
    """The figures of one transfer."""
    yield Sample("bulk_mb_per_s", middles, OURS, flow.mb_per_s)
    yield Sample("cpu_s_per_gb", middles, OURS, sum(flow.cpu.values()))
    for name in ("first", "last"):
        yield Sample(f"{name}_cpu_s_per_gb", middles, OURS, flow.cpu[name])
    if middles:
        between = [used for name, used in flow.cpu.items() if name.startswith("middle")]
        yield Sample("middle_cpu_s_per_gb", middles, OURS, sum(between) / len(between))


def of_echo(size: Size) -> Iterator[Sample]:
    """The round trip of 64 bytes on an idle path, and what each node between adds."""
    direct = 0.0
    for middles in MIDDLES:
        taken = echo(middles, size.pings)
        half = percentile(taken, 50)
        yield Sample("echo_p50_us", middles, OURS, half)
        yield Sample("echo_p99_us", middles, OURS, percentile(taken, 99))
        if middles:
            yield Sample("hop_us", middles, OURS, (half - direct) / middles)
        else:
            direct = half


def of_loaded(size: Size) -> Iterator[Sample]:
    """The same beside a transfer as fast as it goes."""
    taken = [us / 1000 for us in echo(1, size.pings // 2, loaded=True)]
    yield Sample("loaded_p50_ms", 1, OURS, percentile(taken, 50))
    yield Sample("loaded_p99_ms", 1, OURS, percentile(taken, 99))


def of_many(size: Size) -> Iterator[Sample]:
    """Many streams against one."""
    one, many = bulk(1, size.seconds), bulk(1, size.seconds, streams=MANY)
    yield Sample("many_share", 1, OURS, many.mb_per_s / one.mb_per_s)


def of_stalled(size: Size) -> Iterator[Sample]:
    """Two streams that are read, without and with a third one that is not."""
    free, beside = (bulk(1, size.seconds, streams=2 + one, stalled=one) for one in (0, 1))
    yield Sample("stalled_loss_percent", 1, OURS, max(0.0, 100 * (1 - beside.mb_per_s / free.mb_per_s)))


def of_lost_route(size: Size) -> Iterator[Sample]:
    """A standby takes over."""
    yield Sample("lost_route_ms", 1, OURS, lost_route(size.seconds))


def of_pipe(size: Size) -> Iterator[Sample]:
    """From an app of 2019 to another, each behind a pipe host, at one visor."""
    yield Sample("pipe_mb_per_s", 0, OURS, through_hosts(size.seconds))


ROWS: Final[dict[str, Callable[[Size], Iterable[Sample]]]] = {
    "bulk": of_bulk,
    "echo": of_echo,
    "loaded": of_loaded,
    "many": of_many,
    "stalled": of_stalled,
    "lost-route": of_lost_route,
    "pipe": of_pipe,
}
