"""Families, memory and ends of processes."""

import os
import subprocess

from bench.child import NAME
from bench.machine import Departures, Process, alive, cpu_seconds, family, is_child, memory, process


def test_a_family_is_the_roots_and_their_descendants_without_the_programs() -> None:
    everybody = [
        Process(1, 0, "init", "S", 0),
        Process(10, 1, "daemon", "S", 0),
        Process(11, 10, "helper", "S", 0),
        Process(12, 11, NAME, "S", 0),
        Process(13, 1, "stranger", "S", 0),
        Process(20, 1, "keeper", "S", 0),
    ]
    assert sorted(family([10, 20, 99], everybody)) == [10, 11, 20]


def test_roots_that_are_related_count_once() -> None:
    everybody = [Process(10, 1, "daemon", "S", 0), Process(11, 10, "helper", "S", 0)]
    assert sorted(family([10, 11], everybody)) == [10, 11]


def test_this_process_is_seen() -> None:
    me = process(os.getpid())
    assert me is not None
    assert me.parent == os.getppid()
    assert alive(os.getpid())
    assert not is_child(os.getpid())
    assert memory([os.getpid()]).rss >= memory([os.getpid()]).pss > 0
    assert cpu_seconds([os.getpid()]) > 0


def test_a_process_that_is_gone_costs_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert process(gone.pid) is None
    assert not alive(gone.pid)
    assert cpu_seconds([gone.pid]) == 0
    assert memory([gone.pid]) == (0, 0)


def test_departures_wait_for_every_end() -> None:
    with subprocess.Popen(["sleep", "100"]) as sleeper:
        assert Departures([sleeper.pid]).wait(0.0) == 1
        departures = Departures([sleeper.pid])
        sleeper.kill()
        assert departures.wait(10.0) == 0
