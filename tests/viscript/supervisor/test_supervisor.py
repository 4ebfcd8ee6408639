"""The supervisor over a keeper without processes: what users see of starts, crashes and stops."""

import asyncio
from pathlib import Path

import pytest

from tests.support.fake_keeper import FakeKeeper
from tests.support.supervision import Bench
from viscript.config.model import After, App, Check, Restart, Stop
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import AppEntry
from viscript.supervisor.keeper_port import KeeperError
from viscript.supervisor.outcomes import failure


async def test_a_start_is_done_when_the_app_lived_through_settle(bench: Bench) -> None:
    bench.app("web")
    started = await bench.supervisor.start("web", ["--port", "80"])
    assert started.ok
    assert started.instance.state is State.RUNNING
    assert started.instance.seq == 1
    assert bench.keeper.asked("launch")[0]["spec"]["argv"] == ["/bin/true", "--port", "80"]
    assert bench.types() == ["app.waiting", "app.starting", "app.running"]


async def test_an_app_that_dies_while_settling_is_not_started(bench: Bench) -> None:
    bench.app("web", settle=5.0)
    bench.keeper.auto_spawn = False
    task = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await _asked(bench.keeper, "launch")
    bench.keeper.spawned(1, 1)
    bench.keeper.exited(1, 1, code=3)
    started = await task
    assert not started.ok
    assert started.code == ExitCode.FAILED
    assert "exit status 3" in started.reason
    assert "sd 1 ends it" in started.reason
    assert started.instance.state is State.BACKOFF


async def test_exit_zero_of_a_job_is_done_and_a_success(bench: Bench) -> None:
    bench.app("job", settle=5.0)
    bench.keeper.auto_spawn = False
    task = asyncio.get_running_loop().create_task(bench.supervisor.start("job"))
    await _asked(bench.keeper, "launch")
    bench.keeper.spawned(1, 1)
    bench.keeper.exited(1, 1, code=0, next="ended")
    started = await task
    assert started.ok
    assert started.instance.state is State.DONE


async def test_an_unknown_app_is_named_with_a_suggestion(bench: Bench) -> None:
    bench.app("apptracker")
    with pytest.raises(VerbError, match="did you mean apptracker") as caught:
        await bench.supervisor.start("aptracker")
    assert caught.value.code is ExitCode.NOT_FOUND


async def test_a_missing_program_is_fatal_and_says_where_it_was_looked_for(bench: Bench) -> None:
    spec = App(path="bin/nothing")
    bench.apps["x"] = AppEntry(name="x", source="t", spec=spec, argv=("bin/nothing",), folder="/tmp")
    started = await bench.supervisor.start("x")
    assert not started.ok
    assert started.instance.state is State.FATAL
    assert "/tmp/bin/nothing" in started.reason
    assert started.instance.cause == "path-missing"


async def test_stop_returns_when_the_tree_is_gone(bench: Bench) -> None:
    bench.app("web")
    started = await bench.supervisor.start("web")
    stopped = await bench.supervisor.stop(started.instance.seq)
    assert stopped.rung == "term"
    assert stopped.exit is not None
    assert stopped.exit.signal == 15
    assert bench.supervisor.instance(1).state is State.STOPPED


async def test_stop_of_what_is_stopped_is_nothing(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    assert (await bench.supervisor.stop(1)).rung == "none"


async def test_a_start_while_it_stops_comes_after_the_stop(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.auto_stop = False
    loop = asyncio.get_running_loop()
    stop = loop.create_task(bench.supervisor.restart(1))
    await _asked(bench.keeper, "stop")
    again = loop.create_task(bench.supervisor.start_again(1))
    bench.keeper.stopped(1, gen=1)
    assert (await stop).ok
    assert (await again).ok
    assert bench.supervisor.instance(1).generation == 2


async def test_stop_in_backoff_is_at_once(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1)
    assert bench.supervisor.instance(1).state is State.BACKOFF
    stopped = await bench.supervisor.stop(1)
    assert stopped.seconds < 1
    assert bench.supervisor.instance(1).state is State.STOPPED


async def test_a_need_is_started_and_waited_for(bench: Bench) -> None:
    bench.app("db", ready=Check(signal=True))
    bench.app("web", needs=("db",))
    bench.keeper.auto_spawn = True
    task = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await _asked(bench.keeper, "launch")
    web = bench.supervisor.instance(1)
    assert web.state is State.WAITING
    assert "db to be ready" in web.waiting_for[0]
    db = bench.supervisor.instance(2)
    assert db.app == "db"
    bench.keeper.exited(2, 1, next="fatal")
    started = await task
    assert not started.ok
    assert "db to be ready (it is fatal)" in started.reason


async def test_after_waits_for_an_app_that_is_there(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", after=(After(app="db", condition="completed"),))
    await bench.supervisor.start("db")
    task = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await asyncio.sleep(0)
    bench.keeper.exited(1, 1, code=0, next="ended")
    assert (await task).ok


async def test_a_start_that_takes_too_long_is_timed_out_and_aborted(bench: Bench) -> None:
    bench.app("slow", ready=Check(signal=True), start_timeout=0.05, stop=Stop(grace=0.02))
    started = await bench.supervisor.start("slow")
    assert started.code == ExitCode.TIMED_OUT
    assert "not ready within 0.05 s" in started.reason


async def test_a_keeper_that_refuses_makes_it_fatal(bench: Bench) -> None:
    bench.app("web")
    bench.keeper.refuse["launch"] = KeeperError("spawn", "no more processes")
    started = await bench.supervisor.start("web")
    assert not started.ok
    assert started.reason == "no more processes"


async def test_clear_failed_ends_the_failure(bench: Bench) -> None:
    bench.app("web", restart=Restart(policy="never"))
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1, next="fatal")
    await bench.supervisor.clear_failed(1)
    assert bench.supervisor.instance(1).state is State.STOPPED


async def test_wait_for_ends_with_a_time_out(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    with pytest.raises(VerbError) as caught:
        await bench.supervisor.wait_for(1, frozenset({State.DONE}), 0.01)
    assert caught.value.code is ExitCode.TIMED_OUT


async def test_a_late_report_of_an_old_generation_is_passed_over(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1)
    bench.keeper.spawned(1, 2, restart=True)
    bench.keeper.exited(1, 1)
    assert bench.supervisor.instance(1).state in (State.STARTING, State.RUNNING)
    assert bench.supervisor.instance(1).restarts == 1


async def _asked(keeper: FakeKeeper, op: str) -> None:
    async with asyncio.timeout(20):
        while not keeper.asked(op):
            await asyncio.sleep(0)
        await asyncio.sleep(0)


# Asking about what is not there.


async def test_an_app_without_a_name_near_it_is_pointed_to_the_list(bench: Bench) -> None:
    with pytest.raises(VerbError, match="apps lists what there is"):
        await bench.supervisor.start("zzz")


async def test_an_alias_is_a_name(bench: Bench) -> None:
    entry = bench.app("web")
    bench.apps["web"] = AppEntry(name="web", source="t", spec=entry.spec, argv=entry.argv, aliases=("w",))
    assert bench.supervisor.find_app("w").name == "web"


# Touching.


async def test_who_does_not_wait_hears_of_the_process_only(bench: Bench) -> None:
    bench.app("web", settle=60.0)
    started = await bench.supervisor.start("web", wait=None)
    assert started.ok
    assert started.instance.state is State.STARTING


async def test_who_does_not_wait_hears_of_a_launch_that_failed(bench: Bench) -> None:
    bench.app("web")
    bench.keeper.refuse["launch"] = KeeperError("spawn", "no more processes")
    started = await bench.supervisor.start("web", wait=None)
    assert (started.ok, started.code, started.reason) == (False, 1, "no more processes")


async def test_who_does_not_wait_is_not_held_by_a_pause(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1)
    started = await bench.supervisor.start_again(1, wait=None)
    assert not started.ok
    assert started.instance.state is State.BACKOFF


async def test_who_does_not_wait_is_not_held_by_what_the_app_needs(bench: Bench) -> None:
    bench.app("db", ready=Check(signal=True))
    bench.app("web", needs=("db",))
    async with asyncio.timeout(20):
        started = await bench.supervisor.start("web", wait=None)
    assert (started.ok, started.code, started.instance.seq) == (True, 0, 1)
    assert started.instance.state is State.WAITING
    assert started.instance.waiting_for


async def test_who_does_not_wait_hears_of_a_job_that_was_done_at_once(bench: Bench) -> None:
    bench.app("job")
    bench.keeper.auto_spawn = False
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("job", wait=None))
    await _asked(bench.keeper, "launch")
    bench.keeper.spawned(1, 1)
    bench.keeper.exited(1, 1, code=0, next="ended")
    async with asyncio.timeout(20):
        assert (await start).instance.state is State.DONE


async def test_who_does_not_wait_is_not_told_of_a_crash_after_the_launch(bench: Bench) -> None:
    bench.app("job")
    bench.keeper.auto_spawn = False
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("job", wait=None))
    await _asked(bench.keeper, "launch")
    bench.keeper.spawned(1, 1)
    bench.keeper.exited(1, 1)
    async with asyncio.timeout(20):
        started = await start
    assert (started.ok, started.code, started.instance.state) == (True, 0, State.BACKOFF)


async def test_a_start_that_waits_for_another_too_long_says_for_what(bench: Bench) -> None:
    bench.app("db", ready=Check(signal=True))
    bench.app("web", needs=("db",), start_timeout=0.01)
    started = await bench.supervisor.start("web")
    assert started.code == ExitCode.TIMED_OUT
    assert started.reason == "still waiting after 0.01 s, waiting for db to be ready (it is starting)"


async def test_one_can_wait_for_a_word(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    waiting = asyncio.get_running_loop().create_task(
        bench.supervisor.wait_for(1, frozenset({State.BACKOFF}), None)
    )
    await asyncio.sleep(0)
    bench.keeper.exited(1, 1)
    assert (await waiting).state is State.BACKOFF


# Keeping.


async def test_being_enabled_is_kept(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.set_enabled(1, False)
    (record,) = await bench.memory.instances()
    assert not record.enabled
    assert not bench.supervisor.instance(1).enabled


async def test_what_ended_well_is_shown_when_asked(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    assert bench.supervisor.instances() == []
    assert [instance.seq for instance in bench.supervisor.instances(ended=True)] == [1]


async def test_a_restart_uses_the_app_as_it_is_configured_now(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web", ["-x"])
    bench.app("web", "/bin/false")
    assert (await bench.supervisor.restart(1)).ok
    assert bench.keeper.asked("launch")[-1]["spec"]["argv"] == ["/bin/false", "-x"]


async def test_given_arguments_replace_the_configured_ones_or_follow_them(bench: Bench) -> None:
    bench.app("web", default_args=("-a",))
    await bench.supervisor.start("web")
    await bench.supervisor.start("web", ["-b"])
    await bench.supervisor.start("web", ["-b"], add=True)
    argvs = [order["spec"]["argv"][1:] for order in bench.keeper.asked("launch")]
    assert argvs == [["-a"], ["-b"], ["-a", "-b"]]


async def test_dependents_stop_first(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", needs=("db",))
    await bench.supervisor.start("web")
    assert bench.supervisor.stop_layers([1, 2]) == [[1], [2]]


async def test_what_could_not_come_up_again_is_not_taken_down(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    bench.app("web", cwd=str(folder))
    await bench.supervisor.start("web")
    folder.rmdir()
    with pytest.raises(
        VerbError, match="it runs on, since it could not come up again: cwd: there is no folder"
    ):
        await bench.supervisor.restart(1)
    assert bench.held(1).state is State.RUNNING
    assert bench.keeper.asked("stop") == []


# Somebody sets the clock.


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
async def test_a_clock_that_is_set_changes_no_span_of_time(bench: Bench, jump: float) -> None:
    bench.app("web", restart=Restart(delay=1.0, max_delay=30.0))
    await bench.supervisor.start("web")
    now = bench.conductor.now
    bench.keeper.auto_stop = False
    stop = asyncio.get_running_loop().create_task(bench.supervisor.stop(1))
    await bench.asked("stop")
    bench.conductor.now = lambda: now() + jump
    bench.keeper.stopped(1, gen=1)
    assert 0 <= (await stop).seconds < 60
    await bench.supervisor.start_again(1)
    bench.keeper.exited(1, 2, t=now())
    pause = bench.held().snapshot().retry_seconds(now() + jump)
    assert pause is not None
    assert 0 <= pause <= 30
    assert "retrying in" in failure(bench.held(), now() + jump)
