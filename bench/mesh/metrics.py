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
    Metric("pipe_mb_per_s", "through two pipe hosts", "MB/s", "more", bounds=(Bound(15, n=None),)),
    Metric("lost_route_ms", "stall when the route in use is lost", "ms", bounds=(Bound(500, n=None),)),
)  # fmt: skip
