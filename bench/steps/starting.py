"""How long a ping takes while all programs are being started. Ours only: no peer answers meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.driving import Driver
from bench.peers.viscript import Viscript
from bench.scale import Scale
from bench.stage import Stage
from bench.steps.base import Figures

_SLICE_S: Final = 0.05
_AFTERWARDS_S: Final = 0.5  # the daemon still has things to do when the last program runs


def starting(stage: Stage, scale: Scale) -> Figures:
    """The slowest ping from the first one that is answered until a moment after all programs run."""
    if not isinstance(stage.peer, Viscript):
        return {}
    worst = 0.0
    with Driver(stage.peer) as driver, ThreadPoolExecutor(1) as side:
        up = side.submit(stage.bring_up)
        driver.ask("ping", most=1)  # connects as soon as the door is there
        while not up.done():
            worst = max(worst, _slowest(driver, _SLICE_S))
        up.result()
        worst = max(worst, _slowest(driver, _AFTERWARDS_S))
    return {"worst_ping_starting_ms": worst / 1e3}


def _slowest(driver: Driver, seconds: float) -> float:
    timed = driver.ask("ping", seconds)
    return timed.worst_us if timed else 0.0
