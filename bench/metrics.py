"""Every figure: what it is called, which way is better, and the bound it has to keep. Pure.

A bound holds for one number of programs (`n`; None: for each) and is either a limit in the figure's own
unit, or `times` a peer's or the floor's value of the same run: `times=3` of s6 means three times better than
s6; `times=1` at least as good.
"""

from typing import Final, Literal, NamedTuple

FLOOR: Final = "floor"


class Bound(NamedTuple):
    """What a figure has to reach."""

    limit: float | None = None
    times: float | None = None
    peer: str = ""
    n: int | None = 1000


class Metric(NamedTuple):
    """One figure."""

    name: str
    title: str
    unit: str
    better: Literal["less", "more", "neither"] = "less"
    bounds: tuple[Bound, ...] = ()


METRICS: Final[tuple[Metric, ...]] = (
    Metric("spawn_s", "cold start to the last main()", "s", bounds=(Bound(0.8), Bound(times=3, peer="s6"))),
    Metric("spawn_cpu_s", "CPU of a cold start", "s"),
    Metric("worst_ping_starting_ms", "slowest ping while all start", "ms", bounds=(Bound(10, n=None),)),
    Metric("respawn_p50_ms", "crash to successor, p50", "ms", bounds=(Bound(1.3, n=None),)),
    Metric("respawn_p95_ms", "crash to successor, p95", "ms", bounds=(Bound(2.5, n=None),)),
    Metric("respawn_lost", "crashes without a successor", "", bounds=(Bound(0, n=None),)),
    Metric("ping_us", "ping of the control channel, p50", "us"),
    Metric("pings_per_s", "pings a second, one in flight", "/s", "more", bounds=(Bound(8000, n=None),)),
    Metric("worst_ping_ms", "slowest ping during samples of all", "ms", bounds=(Bound(10, n=None),)),
    Metric("status_ms", "status of all", "ms", bounds=(Bound(2.5),)),
    Metric("usage_ms", "fresh resource sample of all", "ms", bounds=(Bound(9),)),
    Metric("oneshot_all_ms", "one-shot status of all", "ms", bounds=(Bound(60),)),
    Metric("oneshot_one_ms", "one-shot status of one", "ms", bounds=(Bound(60, n=None),)),
    Metric("processes", "processes of the supervisor", "", "neither"),
    Metric("rss_mib", "memory, RSS", "MiB"),
    Metric("pss_mib", "memory, PSS", "MiB", bounds=(Bound(45),)),
    Metric("pss_kib_a_child", "memory, PSS, for each child more", "KiB", bounds=(Bound(16),)),
    Metric("idle_cpu_percent", "CPU while the programs rest", "%", bounds=(Bound(0.8),)),
    Metric("stop_s", "stop of all", "s", bounds=(Bound(0.4),)),
    Metric("stop_left", "programs left after the stop", "", bounds=(Bound(0, n=None),)),
    Metric(
        "log_mb_per_s", "log capture", "MB/s", "more", bounds=(Bound(times=1, peer="supervisor", n=1),)
    ),
    Metric("log_kept_percent", "of it in the files", "%", "more", bounds=(Bound(100, n=1),)),
    Metric("log_cpu_s_per_gb", "CPU of log capture for a GB", "s"),
    Metric("lost", "lost by a killed daemon", "", bounds=(Bound(0, n=None),)),
    Metric("doubled", "doubled by a killed daemon", "", bounds=(Bound(0, n=None),)),
    Metric("back_s", "all back after a killed daemon", "s", bounds=(Bound(1.0),)),
    Metric("sample_ms", "one pass of the usage sampler", "ms", bounds=(Bound(9),)),
    Metric("bus_ping_us", "bus ping, p50, no CURVE (ipc)", "us"),
    Metric(
        "bus_ping_curve_us", "bus ping, p50, CURVE", "us",
        bounds=(Bound(times=0.8, peer="plain echo", n=None),),
    ),
    Metric(
        "bus_pings_curve_per_s", "bus pings, one in flight, CURVE", "/s", "more",
        bounds=(Bound(8000, n=None),),
    ),
    Metric("bus_rate_per_s", "bus pings pipelined, no CURVE", "/s", "more"),
    Metric(
        "bus_rate_curve_per_s", "bus pings pipelined, CURVE", "/s", "more",
        bounds=(Bound(60_000, n=None),),
    ),
    Metric("plugin_idle_p99_ms", "ping p99, no bad plugin", "ms"),
    Metric("plugin_bad_p99_ms", "ping p99, four bad plugins in processes", "ms"),
)  # fmt: skip

BY_NAME: Final = {metric.name: metric for metric in METRICS}
