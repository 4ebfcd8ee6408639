"""Crash to successor: SIGKILL to one program until its next main()."""

import os
import random
import signal
import time
from typing import Final

from bench.maths import percentile
from bench.scale import Scale
from bench.stage import Stage
from bench.steps.base import Figures

_PATIENCE_S: Final = 12.0
_GIVE_UP: Final = 3
# Between two kills: never in step with a peer that looks once a second.
_PAUSE_S: Final = (0.05, 1.05)


def respawn(stage: Stage, scale: Scale) -> Figures:
    """Each victim is killed once, after it ran long enough to be respawned at once."""
    starts = stage.collector.starts
    stage.bring_up()
    time.sleep(stage.peer.stable_s + 1.0)
    chance = random.Random(7)
    victims = chance.sample(starts[: stage.count], min(scale.kills, stage.count))
    taken: list[float] = []
    lost = 0
    for victim in victims:
        before, began = len(starts), time.monotonic_ns()
        os.kill(victim.pid, signal.SIGKILL)
        if stage.collector.wait(lambda before=before: len(starts) > before, _PATIENCE_S):  # type: ignore[misc]  # a default keeps the count of this round
            taken.append((starts[before].at - began) / 1e6)
        else:
            lost += 1
            if lost == _GIVE_UP:
                break
        time.sleep(chance.uniform(*_PAUSE_S))
    figures: Figures = {"respawn_lost": lost}
    if taken:
        figures |= {"respawn_p50_ms": percentile(taken, 50), "respawn_p95_ms": percentile(taken, 95)}
    return figures
