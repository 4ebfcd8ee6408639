"""Figures that need no peer: the bus against a plain echo, and what bad plugins do to a ping."""

from typing import Any

from bench import bus, plugins
from bench.results import OURS, Sample


def of_bus() -> list[Sample]:
    """The signal server by itself; with CURVE, which its doors off the host use, and without."""
    return bus_samples(bus.run())


def bus_samples(told: dict[str, Any]) -> list[Sample]:
    """The figures of `bench.bus` as samples."""
    pings, rates = told["ping_p50_us"], told["answers_per_second"]
    return [
        Sample("bus_ping_us", 1, OURS, pings["bus_ipc"]),
        Sample("bus_ping_us", 1, "plain echo", pings["echo_ipc"]),
        Sample("bus_ping_curve_us", 1, OURS, pings["bus_tcp_curve"]),
        Sample("bus_ping_curve_us", 1, "plain echo", pings["echo_tcp"]),
        Sample("bus_ping_curve_us", 1, "CURVE echo", pings["echo_tcp_curve"]),
        Sample("bus_pings_curve_per_s", 1, OURS, 1e6 / pings["bus_tcp_curve"]),
        Sample("bus_rate_per_s", 1, OURS, rates["bus_ipc"]),
        Sample("bus_rate_per_s", 1, "plain echo", rates["echo_ipc"]),
        Sample("bus_rate_curve_per_s", 1, OURS, rates["bus_tcp_curve"]),
        Sample("bus_rate_curve_per_s", 1, "CURVE echo", rates["echo_tcp_curve"]),
    ]


def of_plugins() -> list[Sample]:
    """p99 of a ping without and with bad plugins."""
    return plugin_samples(plugins.run())


def plugin_samples(told: dict[str, Any]) -> list[Sample]:
    """The figures of `bench.plugins` as samples."""
    return [
        Sample("plugin_idle_p99_ms", 1, OURS, told["idle"]["p99_ms"]),
        Sample("plugin_bad_p99_ms", 1, OURS, told["bad plugins in processes"]["p99_ms"]),
    ]
