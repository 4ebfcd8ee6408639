"""Trials of the start: it is true, a crash loop is never running, pauses grow, dependencies hold."""

import os
import socket
import time
from itertools import pairwise

from viscript.prove.programs import CRASH, READY_LATE, SERVER, program
from viscript.prove.stage import Row, Stage
from viscript.prove.verdict import Proof, expect

SAMPLE_S = 0.1
LATE_S = 0.5  # a busy machine may restart this much after its time, never before it


def started(stage: Stage) -> Proof:
    """A start that fails for a port says which, and who holds it."""
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = foreign.getsockname()[1]
        free = _free_port()
        once = {"policy": "never"}
        stage.open({"web": program(SERVER, str(stage.root), free, restart=once)})
        holder = stage.done("s", "web", "-o", "json").json()
        expect(holder["state"] in ("running", "ready"), f"the first server is {holder['state']}")
        begin = time.monotonic()
        _refused(stage, free, holder["pid"], 1)
        seconds = time.monotonic() - begin
        web = program(SERVER, str(stage.root), taken, restart=once)
        stage.configure({"web": web})
        said = stage.ask("apply", str(stage.config))
        expect(said.code == 1, f"an apply whose app could not start ended with {said.code}, not 1")
        _refused(stage, taken, os.getpid(), None)
    return Proof(
        "two starts on a taken port were refused, each with the port and its holder", {"seconds": seconds}
    )


def _refused(stage: Stage, port: int, pid: int, seq: int | None) -> None:
    said = stage.ask("s", "web")
    expect(said.code == 1, f"a start on a taken port ended with {said.code}, not 1")
    for fact in (f"port {port}", f"pid {pid}"):
        expect(fact in said.err, f'"{fact}" is missing in: {said.err.strip()}')
    newest = max(stage.rows())
    why = stage.done("why", str(newest), "-o", "json").json()
    conflict = why["conflict"] or {}
    found = (why["cause"], conflict.get("port"), conflict.get("pid"), conflict.get("id"))
    expect(found == ("port-conflict", port, pid, seq), f"why says {found}")


def crash_loop(stage: Stage) -> Proof:
    """However often one looks, an app that crashes again and again is not running."""
    root = str(stage.root)
    fast = {"delay": "100ms", "max_delay": "400ms"}
    apps = {
        "at-once": program(CRASH, root, 0, 3, restart=fast),
        "in-settle": program(CRASH, root, 0.4, 3, restart=fast),
        "by-signal": program(CRASH, root, 0, -11, restart=fast),
        "exits-well": program(CRASH, root, 0, 0, daemon=True, restart=fast),
    }
    stage.open(apps)
    for name in apps:
        stage.done("s", name, "--no-wait")
    looks = _watched(stage, stage.pace.sampling_s)
    restarts = [row["restarts"] for row in stage.rows().values()]
    expect(min(restarts) >= 2, f"the apps were restarted {restarts} times only")
    figures = {"looks": looks, "seconds": stage.pace.sampling_s, "restarts": sum(restarts)}
    return Proof(f"never seen running in {looks} looks over {sum(restarts)} crashes", figures)


def _watched(stage: Stage, seconds: float) -> int:
    looks = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for row in stage.rows().values():
            shown = row["state"]
            expect(shown in ("starting", "backoff"), f"{row['name']} was shown {shown} in look {looks}")
            expect(
                shown != "backoff" or row["retry_seconds"] is not None, f"{row['name']} shows no countdown"
            )
        looks += 1
        time.sleep(SAMPLE_S)
    return looks


def backoff(stage: Stage) -> Proof:
    """The pauses double up to the cap, and never end."""
    policy = {"delay": "100ms", "max_delay": "400ms", "jitter": 0}
    stage.open({"bad": program(CRASH, str(stage.root), 0, 3, restart=policy)})
    stage.done("s", "bad", "--no-wait")
    stage.until(lambda: stage.row()["restarts"] >= 6, "six restarts")
    took = _pauses(stage.events(seq=1))
    least = [0.1, 0.2, 0.4, 0.4, 0.4]
    for pause, due in zip(took, least, strict=False):
        late = LATE_S * stage.pace.patience
        expect(due * 0.9 <= pause <= due + late, f"the pauses were {took}, due were {least}", pause=pause)
    seconds = stage.done("sd", "1", "-o", "json").json()[0]["seconds"]
    expect(seconds < stage.pace.patience, f"a stop in a pause took {seconds:.1f} s")
    figures = {"shortest_seconds": min(took), "longest_seconds": max(took), "stop_seconds": seconds}
    return Proof("pauses of 0.1, 0.2, 0.4, 0.4 s and so on; a stop ends them at once", figures)


def _pauses(events: list[Row]) -> list[float]:
    """Seconds from each end to the next process."""
    told = [event for event in events if event["type"] in ("app.exited", "app.starting")]
    return [
        after["time"] - before["time"]
        for before, after in pairwise(told)
        if before["type"] == "app.exited" and after["type"] == "app.starting"
    ]


def dependencies(stage: Stage) -> Proof:
    """What needs another waits until that is ready, and is stopped before it."""
    root = str(stage.root)
    late = 0.7
    ready = {"ready": {"log": "ready to serve"}}
    stage.open(
        {
            "base": program(READY_LATE, root, late, **ready),
            "upper": program(READY_LATE, root, 0, needs=["base"], **ready),
        }
    )
    stage.done("s", "upper")
    spawned = _when(stage, "app.starting", "upper")
    base_ready = _when(stage, "app.ready", "base")
    expect(spawned >= base_ready, "the dependent was spawned before what it needs was ready")
    stage.done("sd", "all")
    upper, base = _when(stage, "app.stopped", "upper"), _when(stage, "app.stopping", "base")
    expect(upper <= base, "what is needed was stopped before its dependent was gone")
    return Proof("started when the other was ready, stopped before it", {"waited_seconds": late})


def _when(stage: Stage, kind: str, name: str) -> float:
    """When an app was last told to be in a state."""
    seqs = {f"app/{seq}" for seq, row in stage.rows().items() if row["name"] == name}
    times = [float(event["time"]) for event in stage.events(kind) if event["object"] in seqs]
    expect(bool(times), f"no event {kind} of {name}")
    return times[-1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
