"""All trials in the order they run: what is quick and tells most first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from viscript.prove import full_disk, output, starting, stopping, survival
from viscript.prove.stage import Stage
from viscript.prove.verdict import Proof


@dataclass(frozen=True)
class Trial:
    """One promise and how it is tried; `limit_s` ends it, whatever happens."""

    name: str
    run: Callable[[Stage], Proof]
    limit_s: float


TRIALS: Final = (
    Trial("started", starting.started, 60),
    Trial("crash-loop", starting.crash_loop, 150),
    Trial("backoff", starting.backoff, 60),
    Trial("dependencies", starting.dependencies, 60),
    Trial("pending-ping", stopping.pending_ping, 60),
    Trial("stop", stopping.stop, 90),
    Trial("zombies", stopping.zombies, 300),
    Trial("slow-stops", stopping.slow_stops, 120),
    Trial("flood", output.flood, 180),
    Trial("rotation", output.rotation, 90),
    Trial("cut", output.cut, 120),
    Trial("fill", full_disk.fill, 90),
    Trial("kill-daemon", survival.kill_daemon, 300),
    Trial("kill-keeper", survival.kill_keeper, 300),
    Trial("kill-both", survival.kill_both, 300),
    Trial("freeze", survival.freeze, 120),
)
BY_NAME: Final = {trial.name: trial for trial in TRIALS}
