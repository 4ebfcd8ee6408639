"""The mesh's figures and their bounds; `n` is the number of nodes between the two ends. Pure."""

from typing import Final

from bench.metrics import FLOOR, Bound, Metric

IPERF: Final = "iperf3"
HOP: Final = "raw TCP hop"

METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "bulk_mb_per_s", "bulk", "MB/s", "more",
        bounds=tuple(
            Bound(times=share, peer=IPERF, n=n) for n, share in enumerate((0.35, 0.22, 0.18))
        ),
    ),
    Metric(
        "cpu_s_per_gb", "CPU of all processes", "s/GB",
        bounds=(Bound(times=1 / 1.25, peer=FLOOR, n=None),),
    ),
    Metric(
        "middle_cpu_s_per_gb", "CPU of a node between", "s/GB",
        bounds=(Bound(times=1 / 1.4, peer=HOP, n=None),),
    ),
    Metric("first_cpu_s_per_gb", "CPU of the first node", "s/GB", bounds=(Bound(0.60, n=None),)),
    Metric("last_cpu_s_per_gb", "CPU of the last node", "s/GB", bounds=(Bound(0.50, n=None),)),
    Metric("echo_p50_us", "64-byte round trip, p50", "us"),
    Metric("echo_p99_us", "64-byte round trip, p99", "us", bounds=(Bound(500, n=1),)),
    Metric("hop_us", "added by each node between, p50", "us", bounds=(Bound(70, n=None),)),
    Metric("loaded_p50_ms", "64 bytes beside bulk, p50", "ms", bounds=(Bound(1, n=None),)),
    Metric("loaded_p99_ms", "64 bytes beside bulk, p99", "ms", bounds=(Bound(5, n=None),)),
    Metric("many_share", "128 streams against 1", "", "more", bounds=(Bound(0.9, n=None),)),
    Metric("stalled_loss_percent", "lost to others by a stalled stream", "%", bounds=(Bound(10, n=None),)),
    Metric("between_share", "one node between, of direct", "", "more", bounds=(Bound(0.8, n=None),)),
    Metric("relay_share", "by a messenger, of direct", "", "more", bounds=(Bound(0.75, n=None),)),
    Metric("half_close_ms", "end of one direction, slowest", "ms", bounds=(Bound(100, n=None),)),
    Metric(
        "cold_dial_p50_ms", "cold dial to the first byte, p50", "ms",
        bounds=(Bound(15, n=0), Bound(20, n=1)),
    ),
    Metric("cold_dial_p99_ms", "cold dial to the first byte, p99", "ms"),
    Metric("cold_dials_failed", "cold dials that failed", "", bounds=(Bound(0, n=None),)),
    Metric("rss_idle_mb", "a visor at rest, RSS", "MB", bounds=(Bound(45, n=None),)),
    Metric("rss_loaded_mb", "a visor with 128 streams, RSS", "MB", bounds=(Bound(70, n=None),)),
    Metric("leak_mb", "left by dials, a sample", "MB", bounds=(Bound(2, n=None),)),
    Metric("leak_hour_mb", "left by an hour of dials", "MB", bounds=(Bound(2, n=None),)),
    Metric("churn_dials", "dials meanwhile", "", "neither"),
    Metric("churn_failed", "of them failed", "", bounds=(Bound(0, n=None),)),
    Metric("pipe_mb_per_s", "through two pipe hosts", "MB/s", "more", bounds=(Bound(15, n=None),)),
    Metric("lost_route_ms", "stall when the route in use is lost", "ms", bounds=(Bound(500, n=None),)),
)  # fmt: skip
