"""Triggers in, changes told: what the only writer of a phase keeps true."""

import asyncio
import logging

import pytest

from tests.support.supervision import Bench
from viscript.config.model import After, Check, Restart
from viscript.states import State
from viscript.supervisor.api import Exit
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.reports import Report


async def started(bench: Bench, name: str = "web") -> int:
    bench.app(name)
    return (await bench.supervisor.start(name)).instance.seq


async def test_an_ignored_trigger_changes_and_tells_nothing(bench: Bench) -> None:
    managed = bench.held(await started(bench))
    before, told = managed.snapshot(), bench.types()
    assert not bench.conductor.fire(managed, Trigger.STARTED, reason="again")
    assert managed.snapshot() == before
    assert bench.types() == told


async def test_every_change_is_in_the_store(bench: Bench) -> None:
    await started(bench)
    bench.keeper.exited(1, 1, code=3)
    (record,) = await bench.memory.instances()
    assert record.phase == "backoff"
    assert record.last_exit == Exit(code=3)
    assert record.reason == "exit status 3"


async def test_a_report_about_nobody_is_passed_over(bench: Bench) -> None:
    bench.keeper.exited(99, 1)
    assert bench.types() == []


async def test_a_crash_says_when_it_comes_back(bench: Bench) -> None:
    await started(bench)
    bench.keeper.exited(1, 1, code=3, delay=1.5)
    assert bench.held().retry_at == pytest.approx(3.5)
    (event,) = bench.told("app.backoff")
    assert event.data["delay"] == 1.5
    assert event.data["exit"] == {"code": 3, "signal": None}


async def test_an_exit_is_told_with_the_process_that_ended(bench: Bench) -> None:
    await started(bench)
    pid = bench.held().pid
    bench.keeper.exited(1, 1, code=3)
    (event,) = bench.told("app.exited")
    assert event.data["pid"] == pid
    assert event.data["generation"] == 1


async def test_a_process_that_is_reported_too_late_leaves_nothing_on_what_is_stopped(bench: Bench) -> None:
    await started(bench)
    bench.keeper.exited(1, 1)
    await bench.supervisor.stop(1)
    bench.keeper.spawned(1, 2, restart=True)
    managed = bench.held()
    assert managed.phase is Phase.STOPPED
    assert managed.pid is None
    assert managed.started_at is None


async def test_the_child_that_leads_a_forking_app_is_its_process(bench: Bench) -> None:
    await started(bench)
    bench.keeper.report({"ev": "forked", "seq": 1, "gen": 1, "pid": 4711, "start": 5.0, "t": 2.0})
    assert bench.held().pid == 4711
    assert bench.held().state is State.RUNNING


async def test_an_exit_that_was_ordered_is_told_and_changes_nothing_else(bench: Bench) -> None:
    await started(bench)
    bench.keeper.auto_stop = False
    stop = asyncio.get_running_loop().create_task(bench.supervisor.stop(1))
    await bench.asked("stop")
    bench.keeper.exited(1, 1, code=0, next="stopped", delay=None)
    assert bench.held().phase is Phase.STOPPING
    assert bench.told("app.exited")
    bench.keeper.stopped(1, gen=1)
    await stop


async def test_a_stop_whose_end_nobody_saw_keeps_the_last_known_exit(bench: Bench) -> None:
    await started(bench)
    bench.keeper.auto_stop = False
    stop = asyncio.get_running_loop().create_task(bench.supervisor.stop(1))
    await bench.asked("stop")
    bench.keeper.exited(1, 1, code=7, next="stopped", delay=None)
    event = {"ev": "stopped", "seq": 1, "gen": 1, "t": 3.0, "code": None, "signal": None}
    bench.keeper.report({**event, "rung": "term", "seconds": 0.1})
    assert (await stop).exit == Exit(code=7)


async def test_history_is_told_and_changes_nothing(bench: Bench) -> None:
    await started(bench)
    told = len(bench.types())
    end = Report(seq=1, generation=1, trigger=Trigger.RETRYING, at=2.0, exit=Exit(code=3), reason="x")
    bench.conductor.history(end)
    bench.conductor.history(Report(seq=1, generation=1, trigger=Trigger.SPAWNED, at=2.0, pid=5))
    bench.conductor.history(Report(seq=1, generation=1, trigger=Trigger.GONE, at=2.0, exit=Exit()))
    bench.conductor.history(Report(seq=9, generation=1, trigger=Trigger.FAILED, at=2.0, exit=Exit()))
    assert bench.types()[told:] == ["app.exited"]
    assert bench.held().state is State.RUNNING


async def test_who_waits_hears_of_what_was_taken_back(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", after=(After(app="db", condition="completed"),))
    await bench.supervisor.start("db")
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: len(bench.conductor.managed) == 2 and bench.held(2).waiting_for)
    bench.conductor.adopt(bench.held(1), Phase.DONE, reason="exit status 0", cause="completed")
    assert (await start).ok


async def test_who_waits_hears_of_health_that_comes_back(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", after=(After(app="db", condition="healthy"),))
    await bench.supervisor.start("db")
    bench.conductor.health(bench.held(1), "silent", "its beats are silent")
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: len(bench.conductor.managed) == 2 and bench.held(2).waiting_for)
    bench.conductor.health(bench.held(1), "ok")
    assert (await start).ok


async def test_health_is_told_once_for_each_change(bench: Bench) -> None:
    await started(bench)
    for word in ("ok", "ok", "silent", "silent", "ok"):
        bench.conductor.health(bench.held(), word, "" if word == "ok" else "no beats")
    assert [(event.data["word"], event.reason) for event in bench.told("app.health")] == [
        ("silent", "no beats"),
        ("ok", "it is well again"),
    ]


async def test_a_new_run_forgets_the_conditions_of_the_last(bench: Bench) -> None:
    await started(bench)
    bench.conductor.health(bench.held(), "silent", "no beats")
    bench.keeper.exited(1, 1)
    assert bench.held().conditions == {}
    bench.keeper.spawned(1, 2, restart=True)
    assert bench.held().conditions == {}


async def test_why_the_daemon_ended_a_run_comes_before_how_it_ended(bench: Bench) -> None:
    bench.app("web", restart=Restart(policy="never"), ready=Check(signal=True), start_timeout=0.01)
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1, code=None, signal=15, next="fatal", delay=None)
    assert bench.held().state is State.FATAL
    assert bench.held().reason == "not ready within 0.01 s; killed by signal 15 (SIGTERM)"
    assert bench.held().cause == "start-timeout"


async def test_the_next_run_is_judged_by_itself(bench: Bench) -> None:
    bench.app("web", ready=Check(signal=True), start_timeout=0.01)
    await bench.supervisor.start("web")
    bench.keeper.exited(1, 1, code=None, signal=15)
    bench.keeper.spawned(1, 2, restart=True)
    bench.keeper.exited(1, 2, code=4)
    assert bench.held().reason == "exit status 4"
    assert bench.held().cause == "exited"


@pytest.mark.parametrize(
    "event,kind,subject,data",
    [
        ({"ev": "keeper_lost"}, "keeper.lost", "keeper", {}),
        ({"ev": "daemon_restarted", "pid": 5}, "daemon.restarted", "keeper", {"pid": 5}),
        (
            {"ev": "log_paused", "seq": 1, "gen": 1, "cursor": 9, "t": 1.0, "stream": "out", "errno": 28},
            "log.paused",
            "app/1",
            {"stream": "out", "errno": 28},
        ),
        (
            {"ev": "log_resumed", "seq": 1, "stream": "out", "lost": 3},
            "log.resumed",
            "app/1",
            {"stream": "out", "lost": 3},
        ),
    ],
)
async def test_what_the_keeper_says_of_itself_is_told(
    bench: Bench, event: dict[str, object], kind: str, subject: str, data: dict[str, object]
) -> None:
    bench.conductor.keeper_said(event)
    (told,) = bench.events.since(1)
    assert (told.type, told.object, told.data) == (kind, subject, data)


async def test_a_log_that_pauses_is_a_condition_that_outlives_the_run(bench: Bench) -> None:
    await started(bench)
    bench.conductor.keeper_said({"ev": "log_paused", "seq": 1, "stream": "out", "errno": 28})
    assert bench.held().conditions["Logged"].status is False
    assert "No space left" in bench.held().conditions["Logged"].reason
    bench.keeper.exited(1, 1)
    bench.keeper.spawned(1, 2, restart=True)
    assert bench.held().conditions["Logged"].status is False
    bench.conductor.keeper_said({"ev": "log_resumed", "seq": 1, "stream": "out", "lost": 3})
    assert bench.held().conditions["Logged"].status is True


async def test_what_is_only_for_the_keeper_is_not_told(bench: Bench) -> None:
    bench.conductor.keeper_said({"ev": "tree_empty", "seq": 1})
    bench.conductor.keeper_said({})
    assert bench.types() == []


async def test_a_fault_in_one_task_stays_with_its_app(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await started(bench)

    async def broken() -> None:
        raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR):
        await bench.conductor.task(bench.held(), broken)
    assert "seq=1: its task failed" in caplog.text
    await started(bench, "other")
    assert bench.held(2).state is State.RUNNING


async def test_a_disarmed_timer_does_not_fire(bench: Bench) -> None:
    await started(bench)
    fired: list[str] = []
    bench.conductor.timer(bench.held(), 0.0, lambda: fired.append("disarmed"))
    bench.conductor.disarm(bench.held())
    bench.conductor.timer(bench.held(), 0.0, lambda: fired.append("armed"))
    await bench.until(lambda: fired)
    assert fired == ["armed"]


async def test_a_run_that_lost_its_lease_is_stopped_and_says_why(bench: Bench) -> None:
    seq = await started(bench)
    managed = bench.conductor.managed[seq]
    generation = managed.generation
    why = Report(
        seq=seq, generation=generation, trigger=Trigger.OUSTED, at=2.0, reason="why", cause="lease-lost"
    )
    bench.conductor.report(why)
    assert managed.phase is Phase.STOPPING
    bench.conductor.report(
        Report(seq=seq, generation=generation, trigger=Trigger.GONE, at=3.0, exit=Exit(signal=15))
    )
    assert (managed.phase, managed.reason, managed.cause) == (Phase.STOPPED, "why", "lease-lost")
