"""The supervisor over a keeper without processes: what users see of starts, crashes and stops."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.fake_keeper import FakeKeeper
from tests.support.supervision import Bench
from viscript.config.model import After, App, Check, Restart, Stop
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.store.writer import StoreError
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


async def test_ids_are_never_used_twice(bench: Bench) -> None:
    bench.app("web")
    first = await bench.supervisor.start("web")
    await bench.supervisor.stop(first.instance.seq)
    second = await bench.supervisor.start("web")
    assert second.instance.seq == 2


async def test_a_second_instance_is_numbered(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    second = await bench.supervisor.start("web")
    assert second.instance.name == "web#2"


async def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web", name="a")
    with pytest.raises(VerbError, match="taken"):
        await bench.supervisor.start("web", name="a")


async def twins(bench: Bench) -> None:
    """Of two apps with one name the older has ended."""
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    await bench.supervisor.start("web")


async def test_an_old_id_whose_name_is_anothers_now_does_not_start(bench: Bench) -> None:
    await twins(bench)
    for again in (bench.supervisor.start_again, bench.supervisor.restart):
        with pytest.raises(VerbError, match="its name is that of 2 now"):
            await again(1)
    assert [one.seq for one in bench.supervisor.instances()] == [2]
    await bench.supervisor.stop(2)
    assert (await bench.supervisor.start_again(1)).ok


async def test_an_old_id_that_lives_again_has_its_name_for_itself(bench: Bench) -> None:
    await twins(bench)
    await bench.supervisor.stop(2)
    await bench.supervisor.restart(1)
    assert (await bench.supervisor.start("web")).instance.name == "web#2"


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


async def test_send_to_a_service_says_that_it_reads_nothing(bench: Bench) -> None:
    bench.app("web", daemon=True)
    await bench.supervisor.start("web")
    with pytest.raises(VerbError, match="/dev/null"):
        await bench.supervisor.send(1, b"x")


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


@pytest.mark.parametrize("asked", ["signal", "send", "resize", "ping", "call", "stop", "restart"])
async def test_an_id_that_nobody_has_is_not_found(bench: Bench, asked: str) -> None:
    supervisor = bench.supervisor
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "signal": lambda: supervisor.signal(9, 15),
        "send": lambda: supervisor.send(9, b"x"),
        "resize": lambda: supervisor.resize(9, 80, 24),
        "ping": lambda: supervisor.ping(9),
        "call": lambda: supervisor.call(9, "m", None, 1.0),
        "stop": lambda: supervisor.stop(9),
        "restart": lambda: supervisor.restart(9),
    }
    with pytest.raises(VerbError, match="no app has the id 9") as caught:
        await asks[asked]()
    assert caught.value.code is ExitCode.NOT_FOUND


async def test_what_has_no_process_cannot_be_touched(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    with pytest.raises(VerbError, match="stopped: it has no process") as caught:
        await bench.supervisor.signal(1, 15)
    assert caught.value.code is ExitCode.NOT_HEALTHY


async def test_an_app_without_a_name_near_it_is_pointed_to_the_list(bench: Bench) -> None:
    with pytest.raises(VerbError, match="apps lists what there is"):
        await bench.supervisor.start("zzz")


async def test_an_alias_is_a_name(bench: Bench) -> None:
    entry = bench.app("web")
    bench.apps["web"] = AppEntry(name="web", source="t", spec=entry.spec, argv=entry.argv, aliases=("w",))
    assert bench.supervisor.find_app("w").name == "web"


# Touching.


async def test_a_signal_goes_to_the_leader_or_to_all(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.signal(1, 10)
    await bench.supervisor.signal(1, 12, tree=True)
    assert bench.keeper.asked("signal") == [
        {"seq": 1, "signum": 10, "tree": False},
        {"seq": 1, "signum": 12, "tree": True},
    ]


async def test_input_reaches_the_app(bench: Bench) -> None:
    bench.app("web", stdin="pipe")
    await bench.supervisor.start("web")
    assert await bench.supervisor.send(1, b"\x00\xff") > 0
    assert bench.keeper.asked("write") == [{"seq": 1, "data": "AP8="}]


async def test_a_terminal_is_told_its_size(bench: Bench) -> None:
    bench.app("top", tty=True)
    await bench.supervisor.start("top")
    await bench.supervisor.resize(1, 120, 40)
    assert bench.keeper.asked("resize") == [{"seq": 1, "cols": 120, "rows": 40}]


async def test_a_refusal_of_the_keeper_is_the_verbs_error(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.refuse["signal"] = KeeperError("not-permitted", "cannot signal 12: Operation not permitted")
    with pytest.raises(VerbError, match="cannot signal 12") as caught:
        await bench.supervisor.signal(1, 9)
    assert caught.value.code is ExitCode.FAILED


async def test_a_plain_program_is_pinged_by_looking_at_its_process(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.held().pid = os.getpid()
    pong = await bench.supervisor.ping(1)
    assert (pong.kind, pong.seconds is not None) == ("process", True)
    bench.held().pid = 2**22 - 1
    assert (await bench.supervisor.ping(1)).seconds is None


async def test_a_client_is_pinged_called_and_described_over_the_bus(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    with pytest.raises(VerbError, match="plain program"):
        await bench.supervisor.call(1, "m", None, 1.0)
    bench.held().registered = True
    assert (await bench.supervisor.ping(1)).kind == "bus"
    bench.bus.seconds = None
    assert (await bench.supervisor.ping(1)).seconds is None
    assert await bench.supervisor.call(1, "m", {"a": 1}, 1.0) == {"seq": 1, "method": "m", "params": {"a": 1}}
    assert "methods" in await bench.supervisor.describe(1)


# Waiting.


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


async def test_the_oldest_that_ended_are_forgotten_with_their_logs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.supervisor.supervisor.FORGET_EVERY", 1)
    monkeypatch.setattr("viscript.supervisor.roster.to_forget.__defaults__", (1,))
    bench.app("web")
    for seq in (1, 2):
        await bench.supervisor.start("web")
        await bench.supervisor.stop(seq)
    await bench.supervisor.start("web")
    assert sorted(bench.conductor.managed) == [2, 3]
    assert bench.keeper.asked("forget") == [{"seq": 1, "logs": True}]
    assert [record.seq for record in await bench.memory.instances()] == [2, 3]
    with pytest.raises(VerbError):
        bench.supervisor.instance(1)


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


async def test_an_id_that_cannot_be_written_down_is_given_to_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(record: object) -> None:
        raise StoreError("state.db: database or disk is full")

    bench.app("web")
    with monkeypatch.context() as patch:
        patch.setattr(bench.memory, "keep", full)
        with pytest.raises(VerbError, match="disk is full"):
            await bench.supervisor.start("web")
    assert bench.supervisor.instances(ended=True) == []
    assert bench.keeper.orders == []
    assert (await bench.supervisor.start("web")).instance.name == "web"


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
