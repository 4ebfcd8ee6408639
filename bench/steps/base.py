"""A visit with everything up: start, control channel, commands of a person, rest, stop."""

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench import machine
from bench.driving import Driver, Timed
from bench.maths import median
from bench.peers.peer import run_quietly
from bench.scale import Scale
from bench.stage import Stage

Figures = dict[str, float]

SETTLE_S: Final = 2.5  # states like "running for a second" have settled
_ONESHOTS: Final = 5
_SLOW_ONESHOT_MS: Final = 3000.0
_USAGES: Final = 20


def spawn(stage: Stage) -> Figures:
    """The cold start."""
    up = stage.bring_up()
    time.sleep(SETTLE_S)
    return {"spawn_s": up.seconds, "spawn_cpu_s": up.cpu_seconds}


def ping(stage: Stage, scale: Scale) -> Figures:
    """The cheapest request there is, one in flight."""
    with Driver(stage.peer) as driver:
        driver.ask("ping", 0.1)
        timed = driver.ask("ping", scale.rate_s)
        return {"ping_us": timed.p50_us, "pings_per_s": timed.per_second} if timed else {}


def status(stage: Stage, scale: Scale) -> Figures:
    """The state of every program, over a connection that is kept where the peer keeps one."""
    with Driver(stage.peer) as driver:
        return _milliseconds("status_ms", driver.ask("status_all", scale.rate_s))


def usage(stage: Stage, scale: Scale) -> Figures:
    """A fresh sample of every program; and the slowest ping of another client meanwhile."""
    with Driver(stage.peer) as driver, Driver(stage.peer) as other, ThreadPoolExecutor(1) as side:
        found = _milliseconds("usage_ms", driver.ask("usage_all", scale.rate_s, _USAGES))
        if not found:
            return {}
        other.ask("ping", 0.1)
        busy = side.submit(driver.ask, "usage_all", scale.rate_s)
        timed = other.ask("ping", scale.rate_s)
        busy.result()
        return found | ({"worst_ping_ms": timed.worst_us / 1e3} if timed else {})


def oneshot(stage: Stage, scale: Scale) -> Figures:
    """What a person waits for a command that shows all programs, or one."""
    return {
        "oneshot_all_ms": _command_ms(stage, stage.peer.oneshot_all()),
        "oneshot_one_ms": _command_ms(stage, stage.peer.oneshot_one()),
    }


def idle(stage: Stage, scale: Scale) -> Figures:
    """Memory and CPU of a supervisor whose programs do nothing."""
    time.sleep(0.5)
    members = stage.family()
    before, began = machine.cpu_seconds(members), time.monotonic()
    time.sleep(scale.idle_s)
    used, elapsed = machine.cpu_seconds(members) - before, time.monotonic() - began
    held = machine.memory(members)
    return {
        "processes": len(members),
        "rss_mib": held.rss,
        "pss_mib": held.pss,
        "idle_cpu_percent": used / elapsed * 100,
    }


def stop(stage: Stage, scale: Scale) -> Figures:
    """From the order until the last program is gone."""
    departures = machine.Departures(stage.children())
    with Driver(stage.peer) as driver:
        driver.ask("ping")
        began = time.monotonic()
        with ThreadPoolExecutor(1) as side:
            side.submit(driver.ask, "stop_all")  # how it is answered differs; that they are gone does not
            left = departures.wait(scale.stop_s)
            seconds = time.monotonic() - began
    return {"stop_left": left} | ({} if left else {"stop_s": seconds})


STEPS: Final[dict[str, Callable[[Stage, Scale], Figures]]] = {
    "ping": ping,
    "status": status,
    "usage": usage,
    "oneshot": oneshot,
    "idle": idle,
    "stop": stop,
}


def _milliseconds(name: str, timed: Timed | None) -> Figures:
    return {name: timed.p50_us / 1e3} if timed else {}


def _command_ms(stage: Stage, argv: list[str]) -> float:
    """The median of some runs; once is enough for one that takes seconds. Raises `RuntimeError`."""
    times: list[float] = []
    while len(times) < _ONESHOTS and max(times, default=0.0) < _SLOW_ONESHOT_MS:
        began = time.perf_counter()
        try:
            code = run_quietly(argv, environ=stage.peer.environ(), cwd=stage.peer.folder)
        except subprocess.TimeoutExpired as exc:
            raise RuntimeError(f"{argv[0]} did not end in {exc.timeout:g} s") from exc
        if code:
            raise RuntimeError(f"{argv[0]} ended with {code}")
        times.append((time.perf_counter() - began) * 1e3)
    return median(times)
