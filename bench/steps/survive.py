"""SIGKILL to the daemon, then a new one: which programs are lost, which run twice, how long it takes."""

import os
import signal
import time
from collections import Counter

from bench import machine
from bench.drivers.viscript import running
from bench.peers.viscript import Viscript
from bench.scale import Scale
from bench.stage import Stage
from bench.steps.base import SETTLE_S, Figures

_BACK_S = 20.0
_OTHERS_S = 6.0


def survive(stage: Stage, scale: Scale) -> Figures:
    """Lost and doubled programs after a killed daemon was started again."""
    stage.bring_up()
    time.sleep(SETTLE_S)
    stage.family()
    os.kill(stage.peer.roots()[0], signal.SIGKILL)
    time.sleep(1.0)
    stage.peer.reap()
    began = time.monotonic()
    stage.peer.start()
    figures: Figures = {}
    if isinstance(stage.peer, Viscript):
        _await_back(stage.peer, stage.count)
        figures["back_s"] = time.monotonic() - began
    else:
        time.sleep(_OTHERS_S)
    stage.family()
    return figures | census(Counter(_names_alive(stage)), stage.count)


def census(alive: Counter[str], count: int) -> Figures:
    """How many programs have no process, and how many processes are one too many."""
    return {"lost": count - len(alive), "doubled": alive.total() - len(alive)}


def _names_alive(stage: Stage) -> list[str]:
    return [told.name for told in stage.collector.starts if machine.is_child(told.pid)]


def _await_back(peer: Viscript, count: int) -> None:
    """Until the new daemon lists all programs as running. Raises `TimeoutError`."""
    end = time.monotonic() + _BACK_S
    while time.monotonic() < end:
        try:
            if len(running(peer.home)) >= count:
                return
        except OSError:
            pass  # its door is not open yet
        time.sleep(0.01)
    raise TimeoutError(f"not all {count} apps are back within {_BACK_S:g} s")
