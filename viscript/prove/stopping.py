"""Trials: a stop leaves nothing, no zombie stays, a death ends a ping, a slow stop holds up nobody."""

import statistics
import time
from contextlib import ExitStack

import psutil

from viscript.prove import strays
from viscript.prove.programs import SLOW_TO_STOP, client, nap, program
from viscript.prove.stage import Stage
from viscript.prove.verdict import Proof, expect
from viscript.prove.zoo import ZOO

LOOKS = 200  # fewer have no 99th percentile to speak of
UNNOTICED_S = 0.05  # what nobody feels; ratios of less than this are noise


def stop(stage: Stage) -> Proof:
    """Stubborn programs, stopped at once: nothing of them is left."""
    root = str(stage.root)
    stage.open({name: program(text, root, settle=0) for name, text in ZOO.items()})
    for name in ZOO:
        stage.done("s", name, "--no-wait")
    stage.until(lambda: all(stage.output(name) for name in ZOO), "the zoo is up")
    before = len(stage.app_processes())
    begin = time.monotonic()
    stage.done("sd", "all", "--grace", "0.5")
    seconds = time.monotonic() - begin
    left = stage.app_processes()
    figures = {"programs": len(ZOO), "processes": before, "left": len(left), "seconds": seconds}
    expect(not left, f"a stop left {len(left)} processes: {strays.described(left)}", **figures)
    return Proof(
        f"{len(ZOO)} stubborn programs with {before} processes were stopped; nothing is left", figures
    )


def zombies(stage: Stage) -> Proof:
    """Many short lives leave no dead process that nobody waited for."""
    width = 10
    fast = {"policy": "always", "delay": "1ms", "max_delay": "1ms", "jitter": 0}
    apps = {f"a{n}": {"command": ["true"], "restart": fast, "autostart": True} for n in range(width)}
    stage.open(apps)
    begin = time.monotonic()
    within = 30 + stage.pace.lives / 50
    stage.until(lambda: _lives(stage) >= stage.pace.lives, f"{stage.pace.lives} lives", within)
    seconds = time.monotonic() - begin
    lives = _lives(stage)
    stage.done("sd", "all")
    stage.until(lambda: not _zombies(stage), "no zombie is left", 3)
    descriptors = stage.keeper().num_fds()
    expect(descriptors < 20 * width, f"the keeper holds {descriptors} descriptors for {width} apps")
    figures = {"lives": lives, "seconds": seconds, "keeper_descriptors": descriptors}
    return Proof(f"{lives} short lives, no zombie", figures)


def _lives(stage: Stage) -> int:
    return sum(row["generation"] for row in stage.rows().values())


def _zombies(stage: Stage) -> list[psutil.Process]:
    found = []
    for parent in (stage.daemon(), stage.keeper()):
        for process in parent.children(recursive=True):
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
    return found


def pending_ping(stage: Stage) -> Proof:
    """A ping that is under way when its app is killed ends at once, with an error that says so."""
    stage.open({"quiet": client(str(stage.root))})
    row = stage.done("s", "quiet", "-o", "json").json()
    answered = stage.done("ping", "1", "-o", "json").json()
    expect(answered["kind"] == "bus", f"the app is pinged by {answered['kind']}, not over the bus")
    process = psutil.Process(row["pid"])
    process.suspend()
    with stage.begin("ping", "1", "-o", "json") as asked:
        stage.done("la")  # asked after it and answered: the ping is under way
        killed = time.time()
        process.kill()
        said = asked.answer(10)
    seconds = time.time() - killed
    expect(said.code == 3, f"the ping ended with {said.code}, not 3: {said.err.strip()}")
    expect(seconds < 0.5 * stage.pace.patience, f"the ping took {seconds:.2f} s to notice", seconds=seconds)
    told = stage.until(lambda: stage.events("app.exited", 1), "the exit is told")[0]["time"] - killed
    expect(told < 0.1 * stage.pace.patience, f"the event came after {told:.2f} s", event_seconds=told)
    return Proof("the ping ended with an error, the event came", {"seconds": seconds, "event_seconds": told})


def slow_stops(stage: Stage) -> Proof:
    """Many slow stops at once, and a ping as fast as ever."""
    count = stage.pace.slow_stops
    slow = program(SLOW_TO_STOP, str(stage.root), 3, instances=count, autostart=True, ready={"log": "up"})
    stage.open({"slow": slow, "nap": nap(str(stage.root))})
    stage.done("s", "nap")
    stage.until(lambda: _ready(stage) == count, f"{count} apps are ready", 30)
    pinged = next(str(seq) for seq, row in stage.rows().items() if row["name"] == "nap")
    victims = [str(seq) for seq, row in stage.rows().items() if row["app"] == "slow"]
    idle = quantile([_timed(stage, "ping", pinged) for _ in range(LOOKS)])
    with ExitStack() as held:
        asked = [held.enter_context(stage.begin("sd", victim)) for victim in victims]
        busy = quantile([_timed(stage, "ping", pinged) for _ in range(LOOKS)])
        stops = [one.answer(stage.left()) for one in asked]
    failed = [said.err.strip() for said in stops if said.code]
    expect(not failed, f"{len(failed)} stops failed: {failed[:1]}")
    figures = {"stops": len(victims), "idle_p99_seconds": idle, "busy_p99_seconds": busy}
    most = max(2 * idle, UNNOTICED_S * stage.pace.patience)
    expect(busy <= most, f"a ping took {busy * 1000:.0f} ms beside slow stops", **figures)
    return Proof(f"{len(victims)} slow stops under way; a ping took {busy * 1000:.1f} ms", figures)


def _ready(stage: Stage) -> int:
    return sum(row["state"] == "ready" for row in stage.rows().values())


def _timed(stage: Stage, *argv: str) -> float:
    begin = time.perf_counter()
    stage.done(*argv)
    return time.perf_counter() - begin


def quantile(seconds: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]
