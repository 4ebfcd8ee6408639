"""What is done about an app that is over a limit."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.config.model import Limits, MemoryLimit
from viscript.supervisor import limiting
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.limiting import Limiting
from viscript.supervisor.limits import Figures

MIB = 1 << 20


class Measured:
    """Gives the figures that the test wants; notes who was asked for."""

    def __init__(self) -> None:
        self.memory = 100 * MIB
        self.asked: list[set[int]] = []
        self.fault: Exception | None = None

    async def __call__(self, wanted: Mapping[int, Limits]) -> Mapping[int, Figures]:
        self.asked.append(set(wanted))
        if self.fault is not None:
            raise self.fault
        return {seq: Figures(memory=self.memory) for seq in wanted}


async def watched(bench: Bench, action: Any = "restart") -> tuple[Limiting, Measured]:
    limits = Limits(memory=MemoryLimit(max=512 * MIB, action=action))
    bench.app("web", limits=limits)
    bench.app("other")
    await bench.supervisor.start("web")
    await bench.supervisor.start("other")
    measured = Measured()
    return Limiting(bench.conductor, bench.keeper, bench.events, measured), measured


async def test_only_apps_with_limits_are_looked_at(bench: Bench) -> None:
    watch, measured = await watched(bench)
    await watch.look(0.0)
    assert measured.asked == [{1}]
    await bench.supervisor.stop(1)
    await watch.look(0.5)
    assert measured.asked == [{1}]


async def test_a_warning_is_a_condition_and_an_event_and_nothing_else(bench: Bench) -> None:
    watch, measured = await watched(bench, "warn")
    measured.memory = 600 * MIB
    await watch.look(0.0)
    await watch.look(0.5)
    fact = bench.held().conditions["Limited"]
    assert (fact.status, fact.reason) == (True, "memory, 600MiB, is over its limit of 512MiB")
    (event,) = bench.told("app.limit")
    assert event.data == {
        "name": "web", "generation": 1, "limit": "memory", "value": 600 * MIB, "max": 512 * MIB,
        "over": True, "action": "warn",
    }  # fmt: skip
    measured.memory = 1
    await watch.look(1.0)
    assert not bench.held().conditions["Limited"].status
    assert bench.told("app.limit")[-1].data["over"] is False
    assert bench.keeper.asked("signal") == []


async def test_a_run_that_is_too_much_is_ended_as_a_failure(bench: Bench) -> None:
    watch, measured = await watched(bench)
    measured.memory = 600 * MIB
    await watch.look(0.0)
    assert bench.held().aborted == ("memory, 600MiB, is over its limit of 512MiB", "limit")
    assert bench.keeper.asked("failed") == [{"seq": 1, "gen": 1}]
    (signalled,) = await bench.asked("signal")
    assert (signalled["signum"], signalled["tree"]) == (15, True)


async def test_the_last_run_is_told_to_be_the_last(bench: Bench) -> None:
    watch, measured = await watched(bench, "stop")
    measured.memory = 600 * MIB
    await watch.look(0.0)
    assert bench.keeper.asked("failed")[0] == {"seq": 1, "gen": 1, "last": True}


async def test_one_that_goes_is_left_to_go_and_one_that_grows_on_is_killed(bench: Bench) -> None:
    watch, measured = await watched(bench)
    measured.memory = 600 * MIB
    await watch.look(0.0)
    measured.memory = 620 * MIB
    await watch.look(0.5)
    assert [one["signum"] for one in await bench.asked("signal")] == [15]
    measured.memory = 700 * MIB
    await watch.look(1.0)
    assert [one["signum"] for one in await bench.asked("signal", 2)] == [15, 9]


async def test_a_run_that_ended_during_the_look_is_not_judged(bench: Bench) -> None:
    await watched(bench)

    async def late(wanted: Mapping[int, Limits]) -> Mapping[int, Figures]:
        bench.held().phase = Phase.STOPPED
        return {1: Figures(memory=600 * MIB)}

    await Limiting(bench.conductor, bench.keeper, bench.events, late).look(0.0)
    assert bench.told("app.limit") == []


async def test_a_fault_in_one_look_ends_none_of_those_that_follow(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limiting, "LOOK_S", 0.0)
    watch, measured = await watched(bench)
    measured.fault = ZeroDivisionError("x")
    with caplog.at_level(logging.CRITICAL, limiting.__name__):
        task = asyncio.get_running_loop().create_task(watch.run())
        await bench.until(lambda: len(measured.asked) > 2)
        task.cancel()
    measured.fault = None
