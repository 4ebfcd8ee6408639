"""The figures of the single benches as samples."""

from bench.alone import bus_samples, plugin_samples
from bench.metrics import BY_NAME
from bench.results import rows


def test_the_bus_is_set_beside_a_plain_echo() -> None:
    names = ("echo_tcp", "echo_ipc", "echo_tcp_curve", "bus_ipc", "bus_tcp_curve")
    told = {
        "ping_p50_us": dict.fromkeys(names, 100.0),
        "answers_per_second": dict.fromkeys(names, 100_000),
    }
    samples = bus_samples(told)
    assert {sample.metric for sample in samples} <= BY_NAME.keys()
    by_name = {row.metric.name: row for row in rows(samples)}
    assert by_name["bus_ping_curve_us"].bounds == (("<= 1.25x plain echo", True),)
    assert by_name["bus_pings_curve_per_s"].ours == 10_000
    assert by_name["bus_rate_curve_per_s"].bounds == ((">= 60,000", True),)


def test_bad_plugins_are_set_beside_none() -> None:
    told = {"idle": {"p99_ms": 1.0}, "bad plugins in processes": {"p99_ms": 2.0}}
    assert [(sample.metric, sample.value) for sample in plugin_samples(told)] == [
        ("plugin_idle_p99_ms", 1.0),
        ("plugin_bad_p99_ms", 2.0),
    ]
