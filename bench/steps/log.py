"""One program writes lines as fast as it is allowed to; its output is kept, with rotation."""

import time

from bench import machine
from bench.child import PAUSE_S
from bench.collector import Told
from bench.scale import Scale
from bench.stage import Stage, StageError
from bench.steps.base import Figures

LINE_BYTES = 100
_TAIL_S = 15.0


def words(scale: Scale) -> tuple[str, ...]:
    """What the program is told."""
    return ("lines", str(scale.log_mb * 1_000_000), f"{scale.log_s:.0f}", str(LINE_BYTES))


def log(stage: Stage, scale: Scale) -> Figures:
    """The speed the program sees, what that costs the supervisor, and how much arrived in the files."""
    stage.bring_up()
    collector = stage.collector
    members = stage.family()
    before = machine.cpu_seconds(members)
    if not collector.wait(lambda: bool(collector.ends), scale.log_s + 20):
        raise StageError("the program never ended writing")
    end, start = collector.ends[0], collector.starts[0]
    kept = _arrived(stage, end.size)
    used = machine.cpu_seconds({*members, *stage.family()}) - before
    return {
        "log_mb_per_s": end.size / 1e6 / writing_s(start, end),
        "log_kept_percent": kept / end.size * 100,
        "log_cpu_s_per_gb": used / (end.size / 1e9),
    }


def writing_s(start: Told, end: Told) -> float:
    """How long a program wrote."""
    return (end.at - start.at) / 1e9 - PAUSE_S


def _arrived(stage: Stage, wanted: int) -> int:
    """Bytes in the files once all are there, or after a while."""
    end = time.monotonic() + _TAIL_S
    while True:
        size = sum(path.stat().st_size for path in stage.peer.logs() if path.exists())
        if size >= wanted or time.monotonic() > end:
            return size
        time.sleep(0.02)
