"""Apps are taken back from a keeper: at the start of a daemon, and when the keeper was replaced."""

import asyncio
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.config.model import After, Check
from viscript.errors import VerbError
from viscript.keeper.table import Phase as KeeperPhase
from viscript.states import State
from viscript.supervisor.api import Exit
from viscript.supervisor.autostart import Autostart, autostart
from viscript.supervisor.conductor import REGAIN_S
from viscript.supervisor.instance import LOGGED
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import CannotStart
from viscript.supervisor.takeback import TakeBack

Json = dict[str, Any]


def record(seq: int, phase: str = "running", **fields: Any) -> Json:
    given = {"seq": seq, "gen": 1, "name": "web", "phase": phase, "pid": None, "at": 9.0, "exits": []}
    if phase == "running":
        given["pid"] = 4711
    return {**given, **fields}


def hello(*records: Json, cursor: int = 0) -> Json:
    return {"keeper_pid": 1, "cursor": cursor, "gap": False, "instances": list(records)}


async def remembered(bench: Bench, phase: Phase, **fields: Any) -> TakeBack:
    """A daemon that comes up and remembers one app, number 1, in a phase."""
    entry = bench.app("web", **fields)
    bench.supervisor.roll.create(entry, ())
    bench.held().phase, bench.held().generation = phase, 1
    await bench.memory.keep(bench.held().record())
    bench.conductor.managed.clear()
    await bench.supervisor.roll.remember()
    return bench.takeback


@pytest.mark.parametrize("kept", list(KeeperPhase))
@pytest.mark.parametrize("before", list(Phase))
async def test_every_record_is_taken_whatever_was_remembered(
    bench: Bench, before: Phase, kept: KeeperPhase
) -> None:
    takeback = await remembered(bench, before)
    takeback.resync(hello(record(1, kept.value)))
    running = kept is KeeperPhase.RUNNING
    assert (bench.held().pid is not None) == running
    assert (bench.held().phase in (Phase.STARTING, Phase.RUNNING)) == running
    assert takeback.taken == running


async def test_what_runs_is_shown_with_its_process(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1, gen=4, restarts=3, exits=[{"code": 3}])))
    managed = bench.held()
    assert (managed.pid, managed.started_at, managed.generation) == (4711, 9.0, 4)
    assert (managed.restarts, managed.last_exit) == (3, Exit(code=3))


async def test_what_a_keeper_is_ending_for_its_lease_says_so_when_it_is_gone(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1, "killing", ousted=True)))
    assert (bench.held().state, bench.held().cause) == (State.STOPPING, "lease-lost")
    takeback.event({"ev": "stopped", "seq": 1, "gen": 1, "t": 1.0, "code": None, "signal": 9, "cursor": 13})
    assert (bench.held().phase, bench.held().cause) == (Phase.STOPPED, "lease-lost")
    assert "lease was not kept" in bench.held().reason


async def test_what_crashed_and_pauses_says_until_when(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1, "backoff", retry_at=99.0, exits=[{"code": 3}])))
    assert bench.held().state is State.BACKOFF
    assert bench.held().retry_at == 99.0
    assert bench.told("app.backoff")[0].data["adopted"]


@pytest.mark.parametrize(
    "phase, kept, gen, reason",
    [
        (Phase.FATAL, "ended", 1, "over its limit"),
        (Phase.BACKOFF, "backoff", 1, "over its limit"),
        (Phase.BACKOFF, "backoff", 2, "killed by signal 15 (SIGTERM)"),
    ],
)
async def test_what_was_said_of_the_end_of_a_run_is_known_to_the_next_daemon(
    bench: Bench, phase: Phase, kept: str, gen: int, reason: str
) -> None:
    bench.supervisor.roll.create(bench.app("web"), ())
    managed = bench.held()
    managed.phase, managed.generation = phase, 1
    managed.reason, managed.cause = "over its limit", "limit"
    bench.takeback.resync(hello(record(1, kept, gen=gen, exits=[{"signal": 15}])))
    assert managed.reason == reason
    assert managed.cause == ("limit" if gen == 1 else "killed")


async def test_an_exit_that_the_app_calls_success_is_done(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1, "ended", exits=[{"code": 0}])))
    assert bench.held().state is State.DONE


async def test_a_run_that_had_not_settled_settles_now(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.STARTING)
    takeback.resync(hello(record(1)))
    assert bench.held().phase is Phase.STARTING
    async with asyncio.timeout(20):
        await bench.held().until(lambda: bench.held().phase is Phase.RUNNING)


async def test_health_is_watched_on(bench: Bench) -> None:
    check = Check(exec=("/bin/true",), timeout=20.0)
    takeback = await remembered(bench, Phase.RUNNING, health=check)
    takeback.resync(hello(record(1)))
    async with asyncio.timeout(20):
        await bench.held().until(lambda: "Healthy" in bench.held().conditions)


@pytest.mark.parametrize("generation,state", [(1, State.READY), (2, State.RUNNING)])
async def test_ready_by_notification_holds_for_that_very_run(
    bench: Bench, generation: int, state: State
) -> None:
    takeback = await remembered(bench, Phase.READY, ready=Check(notify=True))
    takeback.resync(hello(record(1, gen=generation)))
    assert bench.held().state is state


async def since_when(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, generation: int = 1, late_s: float = 1.0
) -> float:
    """Of an app that was ready for an hour, and is so again under a new daemon after a while."""
    now = bench.conductor.now()
    entry = bench.app("web", ready=Check(signal=True))
    bench.supervisor.roll.create(entry, ())
    bench.held().phase, bench.held().generation, bench.held().since = Phase.READY, 1, now - 3600
    await bench.memory.keep(bench.held().record())
    bench.conductor.managed.clear()
    await bench.supervisor.roll.remember()
    bench.takeback.resync(hello(record(1, gen=generation, at=now - 3601)))
    assert bench.held().phase is Phase.RUNNING
    assert bench.held().since == now - (3600 if generation == 1 else 3601)
    monkeypatch.setattr(bench.conductor, "now", lambda: now + late_s)
    bench.conductor.fire(bench.held(), Trigger.PASSED)
    assert bench.held().state is State.READY
    return bench.held().since - now


async def test_what_was_ready_is_so_for_as_long_as_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await since_when(bench, monkeypatch) == -3600
    bench.conductor.fire(bench.held(), Trigger.UNREADY)
    bench.conductor.fire(bench.held(), Trigger.PASSED)
    assert bench.held().since == bench.conductor.now()


async def test_who_is_ready_again_late_is_so_from_then_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await since_when(bench, monkeypatch, late_s=REGAIN_S + 1) == REGAIN_S + 1


async def test_a_run_that_the_keeper_began_is_ready_from_now_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await since_when(bench, monkeypatch, generation=2) == 1.0


@pytest.mark.parametrize("remembered_as", [Phase.WAITING, Phase.STARTING, Phase.RUNNING])
async def test_ready_by_notification_is_known_to_the_keeper_when_the_store_was_too_slow(
    bench: Bench, remembered_as: Phase
) -> None:
    takeback = await remembered(bench, remembered_as, ready=Check(notify=True))
    takeback.resync(hello(record(1, gen=2, reached=True)))
    assert bench.held().state is State.READY


async def test_what_the_store_never_heard_of_is_shown_not_killed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.takeback.resync(hello(record(5, name="lost and found")))
    found = bench.supervisor.instance(5)
    assert (found.name, found.pid) == ("lost and found", 4711)
    assert found.entry.source == "keeper"
    assert bench.keeper.orders == []
    assert "is not in the store" in caplog.text
    bench.supervisor.roll.count_from(1)
    assert bench.supervisor.roll.create(bench.app("web"), ()).seq == 6


@pytest.mark.parametrize(
    "before,resumed",
    [(Phase.WAITING, True), (Phase.STARTING, True), (Phase.CYCLING, True), (Phase.RUNNING, False)],
)
async def test_a_start_that_had_not_reached_the_keeper_is_taken_up(
    bench: Bench, before: Phase, resumed: bool
) -> None:
    takeback = await remembered(bench, before)
    takeback.resync(hello())
    assert bench.held().state is State.STOPPED
    assert takeback.resume == ([1] if resumed else [])


async def test_a_restart_that_had_got_to_its_middle_is_finished(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.CYCLING)
    takeback.resync(hello(record(1, "stopped")))
    assert takeback.resume == [1]


async def test_after_a_reboot_nothing_runs_and_it_says_why(bench: Bench) -> None:
    await remembered(bench, Phase.RUNNING)
    bench.take_back(rebooted=True).resync(hello())
    assert bench.held().cause == "host-restarted"
    assert bench.held().state is State.STOPPED


async def test_a_row_that_another_version_wrote_does_not_stop_the_daemon(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.supervisor.roll.create(bench.app("web"), ())
    broken = bench.held().record()
    await bench.memory.keep(type(broken)(**{**_fields(broken), "seq": 2, "entry": b"\xff"}))
    await bench.memory.keep(type(broken)(**{**_fields(broken), "seq": 3, "phase": "dancing"}))
    await bench.memory.keep(broken)
    bench.conductor.managed.clear()
    await bench.supervisor.roll.remember()
    assert list(bench.conductor.managed) == [1]
    assert "seq=2 name=web is not remembered" in caplog.text


def _fields(one: Any) -> Json:
    return {name: getattr(one, name) for name in one.__struct_fields__}


# The keeper is replaced while the daemon lives.


async def running(bench: Bench, name: str = "web", **fields: Any) -> int:
    bench.app(name, **fields)
    bench.takeback.resync(hello())
    return (await bench.supervisor.start(name)).instance.seq


async def test_an_app_does_not_notice_that_its_keeper_was_replaced(bench: Bench) -> None:
    await running(bench)
    told, since = len(bench.types()), bench.held().since
    bench.takeback.lost()
    bench.takeback.resync(hello(record(1, pid=bench.held().pid)))
    assert bench.types()[told:] == ["keeper.lost"]
    assert bench.held().since == since


async def test_what_ended_while_no_keeper_was_there_is_known(bench: Bench) -> None:
    await running(bench)
    bench.takeback.resync(hello(record(1, "fatal", exits=[{"signal": 9}])))
    assert bench.held().state is State.FATAL
    assert bench.held().reason == "killed by signal 9 (SIGKILL)"


async def test_who_waited_for_it_goes_on(bench: Bench) -> None:
    await running(bench, "job")
    bench.app("web", after=(After(app="job", condition="completed"),))
    web = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.until(lambda: 2 in bench.conductor.managed and bench.held(2).waiting_for)
    bench.takeback.resync(hello(record(1, "ended", exits=[{"code": 0}])))
    assert (await web).ok


async def test_a_launch_under_way_is_left_to_the_next_keeper(bench: Bench) -> None:
    bench.takeback.resync(hello())
    bench.app("web")
    bench.keeper.auto_spawn = False
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web"))
    await bench.asked("launch")
    bench.takeback.resync(hello())
    assert bench.held().phase is Phase.STARTING
    bench.keeper.spawned(1, 1)
    assert (await start).ok


@pytest.mark.parametrize("phase", [Phase.STOPPING, Phase.CYCLING])
async def test_a_stop_under_way_goes_on_at_the_next_keeper(bench: Bench, phase: Phase) -> None:
    await running(bench)
    bench.keeper.auto_stop = False
    bench.conductor.fire(bench.held(), Trigger.STOP if phase is Phase.STOPPING else Trigger.RESTART)
    bench.takeback.resync(hello(record(1, gen=2, pid=99)))
    assert bench.held().phase is phase
    assert bench.held().pid == 99
    bench.keeper.stopped(1, gen=2)
    assert bench.held().phase is (Phase.STOPPED if phase is Phase.STOPPING else Phase.STARTING)


@pytest.mark.parametrize("phase", ["running", "backoff", "clearing"])
async def test_what_was_stopped_does_not_come_back_with_a_keeper_whose_journal_stood_still(
    bench: Bench, phase: str
) -> None:
    bench.takeback.resync(hello())
    await bench.supervisor.start(bench.app("web"))
    await bench.supervisor.stop(1)
    before = len(bench.keeper.asked("stop"))
    bench.takeback.resync(hello(record(1, phase, pid=99)))
    await bench.until(lambda: len(bench.keeper.asked("stop")) > before)
    await bench.until(lambda: bench.held().phase is Phase.STOPPED)


async def test_a_restart_whose_stop_nobody_reported_starts_again(bench: Bench) -> None:
    await running(bench)
    bench.keeper.auto_stop = False
    restart = asyncio.get_running_loop().create_task(bench.supervisor.restart(1))
    await bench.asked("stop")
    bench.takeback.resync(hello(record(1, "stopped")))
    assert (await restart).ok
    assert bench.held().generation == 2


# Events.


async def test_what_the_records_tell_already_is_history(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1, gen=2, restarts=1), cursor=12))
    exited = {"ev": "exited", "seq": 1, "gen": 1, "pid": 7, "t": 1.0, "code": 3, "next": "restart"}
    takeback.event({**exited, "cursor": 11})
    takeback.event(
        {"ev": "spawned", "seq": 1, "gen": 2, "pid": 4711, "t": 2.0, "restart": True, "cursor": 12}
    )
    assert bench.held().restarts == 1
    assert bench.held().phase is Phase.RUNNING
    (told,) = bench.told("app.exited")
    assert (told.data["generation"], told.data["pid"], told.time) == (1, 7, 1.0)


async def test_what_comes_later_is_news(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(record(1), cursor=12))
    exited = {"ev": "exited", "seq": 1, "gen": 1, "pid": 7, "t": 1.0, "code": 3, "next": "fatal"}
    takeback.event({**exited, "cursor": 13})
    assert bench.held().state is State.FATAL


async def test_output_wakes_who_follows_it(bench: Bench) -> None:
    heard: list[int] = []
    bench.supervisor.output_changed(1, lambda: heard.append(1))
    bench.takeback.event({"ev": "out", "seq": 1, "gen": 1, "cursor": 1, "stream": "out", "end": 5})
    bench.takeback.event({"ev": "out", "seq": 2, "gen": 1, "cursor": 2, "stream": "out", "end": 5})
    assert heard == [1]


async def test_what_the_keeper_says_of_itself_is_told(bench: Bench) -> None:
    bench.takeback.event({"ev": "daemon_restarted", "pid": 5, "cursor": 3})
    bench.takeback.event({"ev": "tree_empty", "seq": 1, "gen": 1, "cursor": 4})
    assert bench.types() == ["daemon.restarted"]


async def test_an_app_that_the_store_forgot_is_known_by_its_configuration(bench: Bench) -> None:
    entry = bench.app("web", autostart=True)
    bench.takeback.resync(hello(record(4), record(5, name="web#2")))
    assert [bench.held(seq).entry for seq in (4, 5)] == [entry, entry]
    assert autostart(bench.apps, bench.conductor.managed.values()) == Autostart(again=(), new=())


async def test_an_app_whose_command_is_lost_is_not_restarted_to_death(bench: Bench) -> None:
    bench.takeback.resync(hello(record(4, name="adhoc")))
    with pytest.raises(VerbError, match="sd 4 ends it"):
        await bench.supervisor.restart(4)
    assert bench.keeper.orders == []
    assert bench.held(4).state is State.STARTING


# The keeper's records were lost too.


def found(seq: int, **fields: Any) -> Json:
    return record(seq, name=str(seq), found=True, **fields)


async def test_an_app_that_was_found_is_itself_again_and_the_keeper_is_told_how(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync(hello(found(1)))
    assert (bench.held().name, bench.held().phase, bench.held().pid) == ("web", Phase.RUNNING, 4711)
    (update,) = bench.keeper.asked("update")
    assert (update["seq"], update["name"], update["spec"]["argv"]) == (1, "web", ["/bin/true"])
    assert update["policy"]["policy"] == "on-failure"
    (told,) = bench.told("app.found")
    assert (told.object, told.data) == ("app/1", {"name": "web", "pid": 4711})
    assert LOGGED not in bench.held().conditions


async def test_one_that_could_not_be_launched_again_runs_on_and_keeps_its_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    bench.env_fault = CannotStart("env-missing", "secret.txt is not there")
    takeback.resync(hello(found(1)))
    (update,) = bench.keeper.asked("update")
    assert update["policy"] == {"policy": "never"}
    assert update["spec"]["log"]["dir"] == bench.held().log_dir
    assert "secret.txt is not there" in caplog.text


async def test_without_a_store_it_is_named_by_its_log(bench: Bench) -> None:
    entry = bench.app("web")
    for folder in ("4-web", "14-other"):
        (bench.folder / folder).mkdir()
    bench.takeback.resync(hello(found(4), found(5)))
    assert (bench.held(4).name, bench.held(4).entry) == ("web", entry)
    assert (bench.held(5).name, bench.held(5).entry.source) == ("5", "keeper")


@pytest.mark.parametrize("before", [Phase.RUNNING, Phase.STARTING, Phase.STOPPED, None])
async def test_what_nobody_leads_is_shown_with_what_to_do(bench: Bench, before: Phase | None) -> None:
    takeback = bench.takeback if before is None else await remembered(bench, before)
    takeback.resync({**hello(), "strays": [{"seq": 1, "pids": [*range(50, 58)]}]})
    (shown,) = bench.supervisor.instances()
    assert (shown.state, shown.cause) == (State.FATAL, "leftovers")
    assert "(pid 50, 51, 52, 53, 54); end them, then start it" in shown.reason
    assert takeback.resume == []
    (told,) = bench.told("app.stray")
    assert told.data == {"name": "1" if before is None else "web", "pids": [*range(50, 58)]}


async def test_events_that_are_gone_are_said_and_the_table_holds(bench: Bench) -> None:
    takeback = await remembered(bench, Phase.RUNNING)
    takeback.resync({**hello(record(1, gen=9, restarts=8), cursor=30_000), "gap": True, "since": 5})
    assert "keeper.gap" in bench.types()
    assert (bench.held().generation, bench.held().restarts) == (9, 8)
