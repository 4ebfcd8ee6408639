import errno

import psutil
import pytest

from signal_bus.testing import ManualClock
from viscript.cluster.machine import FRESH_S, Machine


def test_the_figures_are_those_of_this_machine_and_a_second_old_at_most() -> None:
    apps, clock = [(1, 2)], ManualClock()
    machine = Machine(lambda: apps[0], 77.0, clock)
    first = machine.figures()
    assert (first.apps_up, first.apps_total, first.started_at) == (1, 2, 77.0)
    assert first.memory_bytes is not None
    assert first.memory_total is not None
    assert 0 < first.memory_bytes < first.memory_total
    assert first.cpu_percent is not None
    apps[0] = (2, 2)
    assert machine.figures() is first
    clock.pass_(FRESH_S + 0.1)
    assert machine.figures().apps_up == 2


def test_without_a_descriptor_to_spare_the_last_figures_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    machine = Machine(lambda: (1, 2), 77.0, clock)
    first = machine.figures()
    clock.pass_(FRESH_S + 0.1)

    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files", "/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", none_left)
    assert machine.figures() is first
