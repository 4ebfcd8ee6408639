"""The rows of the mesh's bench: each gives figures of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from bench.maths import percentile
from bench.mesh import floors, whole
from bench.mesh.measure import Flow, bulk, echo, half_closes, lost_route
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
    dials: int
    turns: int  # of what is compared with each other
    churn_s: float


FULL: Final = Size(4.0, 4000, 200, 4, 120.0)
QUICK: Final = Size(1.5, 1000, 60, 2, 15.0)
HOUR_S: Final = 3600.0
ENDS: Final = 20


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
    for _ in range(size.turns):
        one, many = bulk(1, size.seconds), bulk(1, size.seconds, streams=MANY)
        yield Sample("many_share", 1, OURS, many.mb_per_s / one.mb_per_s)


def of_stalled(size: Size) -> Iterator[Sample]:
    """Two streams that are read, without and with a third one that is not."""
    for _ in range(size.turns):
        free, beside = (bulk(1, size.seconds, streams=2 + one, stalled=one) for one in (0, 1))
        yield Sample("stalled_loss_percent", 1, OURS, 100 * (1 - beside.mb_per_s / free.mb_per_s))


def of_shares(size: Size) -> Iterator[Sample]:
    """Through one node between, and through a messenger, against direct, in turns."""
    for _ in range(size.turns):
        direct = bulk(0, size.seconds).mb_per_s
        yield Sample("between_share", 1, OURS, bulk(1, size.seconds).mb_per_s / direct)
        yield Sample("relay_share", 0, OURS, bulk(0, size.seconds, relayed=True).mb_per_s / direct)


def of_half_close(size: Size) -> Iterator[Sample]:
    """The end of one direction, the slowest of some."""
    for middles in MIDDLES:
        yield Sample("half_close_ms", middles, OURS, max(half_closes(middles, ENDS)))


def of_dials(size: Size) -> Iterator[Sample]:
    """To the first byte of a dial whose routes are set up for it; `n` nodes between."""
    for hops in whole.BY_HOPS:
        taken = whole.cold_dials(hops, size.dials)
        done = [ms for ms in taken if ms is not None]
        yield Sample("cold_dials_failed", hops - 1, OURS, len(taken) - len(done))
        yield Sample("cold_dial_p50_ms", hops - 1, OURS, percentile(done, 50))
        yield Sample("cold_dial_p99_ms", hops - 1, OURS, percentile(done, 99))


def of_memory(size: Size) -> Iterator[Sample]:
    """Of the largest visor of three on a way."""
    taken = whole.memory(size.seconds)
    yield Sample("rss_idle_mb", 1, OURS, taken.idle)
    yield Sample("rss_loaded_mb", 1, OURS, taken.loaded)


def of_leak(size: Size) -> Iterator[Sample]:
    """What dials leave behind; a sample of the hour."""
    return _leak("leak_mb", size.churn_s)


def of_leak_hour(size: Size) -> Iterator[Sample]:
    """The same for an hour."""
    return _leak("leak_hour_mb", HOUR_S)


def _leak(metric: str, seconds: float) -> Iterator[Sample]:
    left = whole.churn(seconds)
    yield Sample(metric, 1, OURS, left.mb)
    yield Sample("churn_dials", 1, OURS, left.dials)
    yield Sample("churn_failed", 1, OURS, left.failed)


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
    "shares": of_shares,
    "half-close": of_half_close,
    "dials": of_dials,
    "memory": of_memory,
    "leak": of_leak,
    "leak-hour": of_leak_hour,
    "pipe": of_pipe,
}
NAMED_ONLY: Final = ("leak-hour",)
"""Too long to be measured unless it is asked for."""
