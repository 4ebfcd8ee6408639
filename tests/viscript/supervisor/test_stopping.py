"""Bringing an app down: the rungs in order, the command before, and stops that meet an end half way."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.config.model import Stop
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor import stopping
from viscript.supervisor.api import ASK_SECONDS, PRE_STOP_SECONDS, Stopped
from viscript.supervisor.keeper_port import KeeperError
from viscript.supervisor.lifecycle import Phase


def stop(bench: Bench, *, grace: float | None = None, now: bool = False) -> asyncio.Task[Stopped]:
    return asyncio.get_running_loop().create_task(bench.supervisor.stop(1, grace=grace, now=now))


async def running(bench: Bench, **fields: Any) -> None:
    bench.app("web", **fields)
    await bench.supervisor.start("web")


async def test_the_keeper_climbs_the_rungs_that_are_configured(bench: Bench) -> None:
    await running(bench, stop=Stop(signal="INT", grace=3.0, kill_tree=False))
    await bench.supervisor.stop(1)
    assert bench.keeper.asked("stop") == [
        {"seq": 1, "ask": 0.0, "signal": signal.SIGINT, "grace": 3.0, "tree": False}
    ]
    assert bench.bus.asked == []


async def test_an_app_on_the_bus_is_asked_first(bench: Bench) -> None:
    await running(bench, stop=Stop(grace=30.0))
    bench.held().registered = True
    await bench.supervisor.stop(1)
    (order,) = bench.keeper.asked("stop")
    assert order["ask"] == ASK_SECONDS
    await bench.until(lambda: bench.bus.asked)
    assert bench.bus.asked == [(1, ASK_SECONDS)]


async def test_a_user_may_give_less_time(bench: Bench) -> None:
    await running(bench)
    bench.held().registered = True
    await bench.supervisor.stop(1, grace=0.5)
    (order,) = bench.keeper.asked("stop")
    assert (order["ask"], order["grace"]) == (0.5, 0.5)


async def test_now_skips_the_asking_the_waiting_and_the_command(bench: Bench, tmp_path: Path) -> None:
    await running(bench, stop=Stop(pre_stop=("/usr/bin/touch", str(tmp_path / "asked"))))
    bench.held().registered = True
    await bench.supervisor.stop(1, now=True)
    assert bench.keeper.asked("stop") == []
    (order,) = bench.keeper.asked("kill")
    assert order["ask"] == 0.0
    assert bench.bus.asked == []
    assert not (tmp_path / "asked").exists()


async def test_now_during_a_stop_kills(bench: Bench) -> None:
    await running(bench)
    bench.keeper.auto_stop = False
    first = stop(bench)
    await bench.asked("stop")
    second = stop(bench, now=True)
    await bench.asked("kill")
    bench.keeper.stopped(1, gen=1, rung="kill")
    assert (await first).rung == (await second).rung == "kill"


async def test_a_command_runs_before_the_stop(bench: Bench, tmp_path: Path) -> None:
    await running(bench, stop=Stop(pre_stop=("/usr/bin/touch", "asked")))
    await bench.supervisor.stop(1)
    assert (tmp_path / "asked").exists()


async def test_a_command_that_is_missing_holds_nothing_up(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await running(bench, stop=Stop(pre_stop=("/nonexistent/command",)))
    with caplog.at_level(logging.WARNING):
        assert (await bench.supervisor.stop(1)).rung == "term"
    assert "pre_stop /nonexistent/command: No such file" in caplog.text


async def test_a_command_that_hangs_is_killed(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PRE_STOP_SECONDS", 0.05)
    await running(bench, stop=Stop(pre_stop=("/bin/sleep", "60")))
    with caplog.at_level(logging.WARNING):
        assert (await bench.supervisor.stop(1)).rung == "term"
    assert "killed after 0.05 s" in caplog.text


async def test_the_patience_of_a_stop_covers_its_command(bench: Bench) -> None:
    await running(bench, stop=Stop(grace=10.0, pre_stop=("/bin/true",)))
    patience = stopping.patience_for(bench.held(), None)
    assert patience > PRE_STOP_SECONDS + ASK_SECONDS + 10.0


async def test_an_app_that_ended_by_itself_just_before_is_stopped(bench: Bench) -> None:
    await running(bench)
    asked = bench.keeper.ask

    async def idle(op: str, **fields: Any) -> dict[str, Any]:
        bench.keeper.auto_stop = False
        await asked(op, **fields)
        return {"accepted": False, "phase": "ended"}

    bench.keeper.ask = idle  # type: ignore[method-assign]  # the keeper has nothing to stop
    bench.keeper.exited(1, 1, code=0, next="stopped", delay=None)
    stopped = await bench.supervisor.stop(1)
    assert bench.held().state is State.STOPPED
    assert stopped.exit is not None
    assert stopped.exit.code == 0


async def test_an_app_the_keeper_does_not_know_is_stopped(bench: Bench) -> None:
    await running(bench)
    bench.keeper.refuse["stop"] = KeeperError("unknown", "there is no app 1")
    await bench.supervisor.stop(1)
    assert bench.held().state is State.STOPPED


async def test_a_stop_that_gets_nowhere_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "STOP_MARGIN", 0.05)
    await running(bench)
    bench.keeper.refuse["stop"] = KeeperError("timeout", "the keeper did not answer")
    bench.keeper.auto_stop = False
    with pytest.raises(VerbError, match="`kill 1` skips the waiting") as caught:
        await bench.supervisor.stop(1, grace=0.0)
    assert caught.value.code is ExitCode.TIMED_OUT
    assert bench.held().phase is Phase.STOPPING
    assert bench.stopping.orders == {}


async def test_a_stop_is_over_when_its_run_is_gone_also_if_another_was_ordered(bench: Bench) -> None:
    await running(bench)
    bench.keeper.auto_stop = False
    first = stop(bench)
    await bench.asked("stop")
    again = asyncio.get_running_loop().create_task(bench.supervisor.start_again(1))
    await bench.until(lambda: bench.held().phase is Phase.CYCLING)
    bench.keeper.stopped(1, gen=1)
    assert (await first).rung == "term"
    assert (await again).ok
    assert bench.held().generation == 2


async def test_a_pause_is_thrown_away_at_the_keeper_too(bench: Bench) -> None:
    await running(bench)
    bench.keeper.exited(1, 1)
    bench.keeper.auto_stop = False
    await bench.supervisor.stop(1)
    assert [order["grace"] for order in bench.keeper.asked("stop")] == [0.0]
    assert bench.held().state is State.STOPPED


async def test_a_start_during_a_pause_ends_the_pause(bench: Bench) -> None:
    await running(bench)
    bench.keeper.exited(1, 1)
    again = asyncio.get_running_loop().create_task(bench.supervisor.start_again(1))
    await bench.asked("retry")
    bench.keeper.spawned(1, 2, restart=True)
    started = await again
    assert started.ok or started.instance.state is State.BACKOFF
