"""When a run counts as up: settle, each kind of check, deadlines, and health that ends a run."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.supervision import Bench
from viscript.config.model import Check, Stop
from viscript.errors import ExitCode
from viscript.states import State
from viscript.supervisor.checking import Answerer
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.orders import CannotStart


@asynccontextmanager
async def listening(answer: bytes = b"") -> AsyncIterator[tuple[asyncio.Server, int]]:
    """Somebody who accepts connections on a port of this host."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server, server.sockets[0].getsockname()[1]


async def state(bench: Bench, wanted: State, seq: int = 1) -> None:
    async with asyncio.timeout(20):
        await bench.held(seq).until(lambda: bench.held(seq).state is wanted)


async def test_without_a_check_it_runs_when_it_lived_through_settle(bench: Bench) -> None:
    bench.app("web", settle=0.02)
    assert (await bench.supervisor.start("web")).instance.state is State.RUNNING


async def test_ready_after_a_while_that_was_declared(bench: Bench) -> None:
    bench.app("web", ready=Check(settle=0.01))
    assert (await bench.supervisor.start("web")).instance.state is State.READY


async def test_ready_when_the_port_is_open(bench: Bench) -> None:
    async with listening() as (_, port):
        bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}"))
        started = await bench.supervisor.start("web")
    assert started.ok
    assert started.instance.state is State.READY
    assert [(c.type, c.status) for c in started.instance.conditions] == [("Ready", True)]


async def test_ready_when_the_page_is_answered(bench: Bench) -> None:
    async with listening(b"HTTP/1.1 204 No Content\r\n\r\n") as (_, port):
        bench.app("web", ready=Check(http=f"http://127.0.0.1:{port}/health"))
        assert (await bench.supervisor.start("web")).instance.state is State.READY


async def test_ready_when_the_command_succeeds(bench: Bench) -> None:
    bench.env = {"WORD": "yes"}
    test = (sys.executable, "-S", "-c", "import os, sys; sys.exit(os.environ.get('WORD') != 'yes')")
    bench.app("web", ready=Check(exec=test, timeout=20.0))
    assert (await bench.supervisor.start("web")).instance.state is State.READY


async def test_ready_when_the_line_was_written(bench: Bench) -> None:
    bench.app("web", ready=Check(log=r"listening on \d+"))
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: 1 in bench.followed)
    bench.written(1, "not yet")
    assert bench.held().state is State.STARTING
    bench.written(1, "12:00 listening on 80")
    assert (await start).instance.state is State.READY


async def test_ready_when_it_says_so_itself(bench: Bench) -> None:
    bench.app("web", ready=Check(notify=True))
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: bench.conductor.managed and bench.held().pid)
    bench.checking.reported_ready(bench.held())
    assert (await start).instance.state is State.READY


async def test_a_check_that_another_instance_answers_is_not_passed(bench: Bench) -> None:
    async with listening() as (_, port):
        bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}", interval=0.01), settle=0.0)
        await bench.supervisor.start("web")
        bench.answerers += [Answerer("port 80 is taken by [1]", 1)] * 3
        start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
        await bench.until(lambda: len(bench.conductor.managed) == 2 and bench.held(2).conditions)
        assert bench.held(2).state is State.STARTING
        assert bench.held(2).conditions["Ready"].reason == "port 80 is taken by [1]"
        assert (await start).instance.state is State.READY  # from when it answers itself
        assert bench.answerers == []


async def test_a_stranger_may_answer_for_an_app_that_has_lived_through_settle(bench: Bench) -> None:
    async with listening() as (_, port):
        bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}", interval=0.01), settle=0.0)
        bench.answerers += [Answerer("port 80 is taken by nginx", None)] * 99
        assert (await bench.supervisor.start("web")).ok
    assert len(bench.answerers) == 98


async def test_a_clock_that_is_set_back_does_not_hold_up_a_start(bench: Bench) -> None:
    async with listening() as (_, port):
        bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}", interval=0.01), settle=0.05)
        now = bench.conductor.now
        bench.conductor.now = lambda: now() - 3600.0
        bench.answerers += [Answerer("port 80 is taken by nginx", None)] * 99
        async with asyncio.timeout(20):
            assert (await bench.supervisor.start("web")).ok


async def test_a_check_that_fails_says_why_while_it_starts(bench: Bench) -> None:
    async with listening() as (_, port):
        pass
    bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}"), start_timeout=0.3, stop=Stop(grace=0.01))
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: bench.conductor.managed and bench.held().conditions)
    assert "refused" in bench.held().conditions["Ready"].reason
    started = await start
    assert started.code == ExitCode.TIMED_OUT
    assert started.reason == f"not ready within 0.3 s: tcp 127.0.0.1:{port}: Connection refused"


async def test_too_long_a_start_is_ended_first_gently_then_not(bench: Bench) -> None:
    bench.app("web", ready=Check(signal=True), start_timeout=0.02, stop=Stop(signal="INT", grace=0.02))
    await bench.supervisor.start("web")
    signals = await bench.asked("signal", 2)
    assert [order["signum"] for order in signals] == [2, 9]
    assert all(order["tree"] for order in signals)


async def test_a_run_that_obeys_is_not_killed(bench: Bench) -> None:
    bench.app("web", ready=Check(signal=True), start_timeout=0.02, stop=Stop(grace=0.05))
    await bench.supervisor.start("web")
    await bench.asked("signal")
    bench.keeper.exited(1, 1, code=None, signal=15)
    assert bench.held().state is State.BACKOFF
    marker = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, marker.set)
    await marker.wait()
    assert len(bench.keeper.asked("signal")) == 1


async def test_a_deadline_of_an_old_run_does_not_touch_the_next(bench: Bench) -> None:
    bench.app("web", ready=Check(signal=True), start_timeout=30.0)
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web", wait=None))
    await start
    managed = bench.held()
    fired: list[int] = []
    bench.checking._timer(managed, 0.0, lambda: fired.append(managed.generation))
    managed.generation += 1
    bench.checking._timer(managed, 0.0, lambda: fired.append(managed.generation))
    await bench.until(lambda: fired)
    assert fired == [2]


async def test_a_run_that_ended_at_once_leaves_no_check_behind(bench: Bench) -> None:
    async with listening() as (server, port):
        bench.app("web", ready=Check(tcp=f"127.0.0.1:{port}"))
        bench.keeper.auto_spawn = False
        start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
        await bench.asked("launch")
        bench.keeper.spawned(1, 1)
        bench.keeper.exited(1, 1, code=3)  # in the same read: its check never had a turn
        assert not (await start).ok
        assert bench.held().disarm == []
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await bench.until(lambda: all(task.done() for task in others if "guarded" in repr(task)))
        server.close()
    assert bench.held().conditions == {}


async def test_ready_comes_and_goes(bench: Bench) -> None:
    async with listening() as (server, port):
        check = Check(tcp=f"127.0.0.1:{port}", interval=0.01, retries=2)
        bench.app("web", ready=check)
        await bench.supervisor.start("web")
        server.close()
        await state(bench, State.RUNNING)
        assert bench.held().cause == "not-ready"
        assert not bench.held().conditions["Ready"].status
    again = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port)
    async with again:
        await state(bench, State.READY)
    bench.conductor.disarm(bench.held())


async def test_health_that_fails_often_enough_ends_the_run(bench: Bench) -> None:
    async with listening() as (server, port):
        bench.app("web", health=Check(tcp=f"127.0.0.1:{port}", interval=0.01, retries=2))
        await bench.supervisor.start("web")
        await bench.until(lambda: "Healthy" in bench.held().conditions)
        server.close()
        await bench.asked("signal")
    assert bench.held().phase is Phase.RUNNING
    (event,) = bench.told("app.health")
    assert event.data["word"] == "failing"
    assert "refused" in event.reason
    bench.keeper.exited(1, 1, code=None, signal=15)
    assert bench.held().cause == "unhealthy"
    assert "refused" in bench.held().reason


async def test_one_failure_is_not_enough(bench: Bench) -> None:
    async with listening() as (_, port):
        pass
    bench.app("web", health=Check(tcp=f"127.0.0.1:{port}", interval=30.0, retries=2))
    await bench.supervisor.start("web")
    await bench.until(lambda: bench.held().disarm)
    assert bench.keeper.asked("signal") == []
    assert bench.held().state is State.RUNNING


async def test_health_is_asked_only_after_its_start_period(bench: Bench) -> None:
    async with listening() as (_, port):
        pass
    check = Check(tcp=f"127.0.0.1:{port}", interval=0.001, retries=1, start_period=60.0)
    bench.app("web", health=check)
    await bench.supervisor.start("web")
    for _ in range(50):
        await asyncio.sleep(0)
    assert bench.held().conditions == {}


async def test_health_is_watched_again_after_a_restart_of_the_daemon(bench: Bench) -> None:
    async with listening() as (_, port):
        bench.app("web", health=Check(tcp=f"127.0.0.1:{port}"))
        await bench.supervisor.start("web")
        bench.conductor.disarm(bench.held())
        bench.held().conditions.clear()
        bench.checking.resume(bench.held(), ready=False)
        await bench.until(lambda: "Healthy" in bench.held().conditions)
        bench.conductor.disarm(bench.held())


@pytest.mark.parametrize("check", [Check(notify=True), Check(log="listening")])
async def test_who_said_once_that_it_is_ready_still_is(bench: Bench, check: Check) -> None:
    bench.app("web", ready=check)
    await bench.supervisor.start("web", wait=None)
    bench.held().phase = Phase.RUNNING
    bench.checking.resume(bench.held(), ready=False)
    assert bench.held().state is State.RUNNING
    bench.checking.resume(bench.held(), ready=True)
    assert bench.held().state is State.READY
    assert bench.held().conditions["Ready"].status


async def test_a_check_whose_environment_is_gone_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.app("web", ready=Check(exec=("/bin/true",)), start_timeout=0.05, stop=Stop(grace=0.01))
    bench.keeper.auto_spawn = False
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.asked("launch")
    bench.env_fault = CannotStart("env-missing", "secret.txt is not there")
    with caplog.at_level(logging.WARNING):
        bench.keeper.spawned(1, 1)
    assert "secret.txt is not there" in caplog.text
    assert (await start).code == ExitCode.TIMED_OUT


async def test_a_command_is_run_in_the_folder_of_the_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    bench.app("web", ready=Check(exec=("/usr/bin/test", "-e", "here"), timeout=20.0))
    assert (await bench.supervisor.start("web")).ok
