"""The cluster's figures and their bounds; `n` is what the row says it is. Pure."""

from typing import Final

from bench.metrics import Bound, Metric

MOST: Final = 1000  # simulated hosts that the bounds are for


def _guests(name: str, title: str, unit: str, *, limit: float | None = None) -> Metric:
    bounds = (Bound(limit, n=MOST),) if limit is not None else ()
    return Metric(f"guests_{name}", f"{title}, among simulated hosts", unit, bounds=bounds)


METRICS: Final[tuple[Metric, ...]] = (
    Metric("leader_acknowledged", "changes acknowledged over kills of etcd's leader", "", "neither"),
    Metric("leader_lost", "of them lost", "", bounds=(Bound(0, n=None),)),
    Metric("leader_gap_s", "longest time without an acknowledgement", "s", bounds=(Bound(3.0, n=None),)),
    Metric("lost_suspect_s", "lost host seen as suspect", "s", bounds=(Bound(5.0, n=None),)),
    Metric("lost_down_s", "lost host seen as down", "s", bounds=(Bound(15.0, n=None),)),
    Metric(
        "lost_moved_s", "its exclusive app runs elsewhere", "s", bounds=(Bound(20.0, n=0), Bound(25.0, n=1))
    ),
    Metric("on_all_typed_ms", "`on @all ping` as it is typed, p50", "ms"),
    Metric("on_one_typed_ms", "the same to the slowest host alone, p50", "ms"),
    Metric("on_all_typed_ratio", "all at once to the slowest alone", "", bounds=(Bound(1.5, n=20),)),
    Metric("on_all_asked_ms", "`on @all ping` at the daemon's door, p50", "ms"),
    Metric("on_one_asked_ms", "the same to the slowest host alone at the door, p50", "ms"),
    Metric("on_all_asked_ratio", "all at once to the slowest alone, at the door", ""),
    Metric("on_all_cpu_ms_a_host", "CPU of `on @all ping`, for each host", "ms"),
    _guests("start_s", "start of the daemon", "s"),
    _guests("rss_mib", "memory of the daemon, RSS", "MiB"),
    _guests("kib_a_host", "memory for each host", "KiB"),
    _guests("cpu_percent", "CPU of the daemon at rest", "%"),
    _guests("ping_ratio", "ping here, to that of a host alone, p50", ""),
    _guests("hosts_p99_ms", "hosts, p99", "ms", limit=200),
    _guests("ping_p99_ms", "ping here, p99", "ms", limit=200),
    _guests("la_p99_ms", "la, p99", "ms", limit=200),
    _guests("on_p99_ms", "on HOST ping, p99", "ms", limit=200),
    _guests("far_p99_ms", "ping HOST/1, p99", "ms", limit=200),
    _guests("on_all_ms", "on @all ping, p50", "ms"),
    _guests("follow_cpu_percent", "CPU while all events are followed", "%"),
    Metric("guests_events_per_s", "events followed", "/s", "more"),
    _guests("join_s", "one more is let in and up", "s"),
    _guests("forget_s", "one is put out, and all others up again", "s"),
    _guests("forget_cpu_s", "CPU while one is put out", "s"),
    _guests("forget_ping_p99_ms", "ping here while one is put out, p99", "ms", limit=200),
    _guests("cards_cpu_s", "CPU of a new address of every host", "s"),
    _guests("cards_ping_p99_ms", "ping here while all addresses change, p99", "ms", limit=200),
    _guests("gone_s", "all lost at once and down", "s", limit=15),
    _guests("gone_ping_p99_ms", "ping here while all are lost, p99", "ms", limit=200),
    _guests("gone_on_all_ms", "on @all ping when all are down", "ms"),
)
