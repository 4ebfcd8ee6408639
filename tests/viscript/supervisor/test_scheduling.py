"""Schedules are followed: over time, over changes, and over the death of a daemon."""

import asyncio
import logging
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.config.model import Schedule
from viscript.store.writer import StoreError
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.scheduling import LOOK_SECONDS, clocks

EVERY = Schedule(every=60.0)
HOURLY = Schedule(cron="0 * * * *", timezone="UTC")


async def begun(bench: Bench, schedule: Schedule = EVERY, **fields: Any) -> None:
    bench.app("job", schedule=schedule, **fields)
    await bench.scheduling.begin()


async def ran(bench: Bench, generation: int) -> None:
    """That run came up and did its work."""
    await bench.until(lambda: bench.held().phase is Phase.RUNNING and bench.held().generation == generation)
    bench.keeper.exited(1, generation, code=0, next="ended", delay=None)
    assert bench.held().phase is Phase.DONE


async def next_daemon(bench: Bench) -> None:
    """The daemon is killed, and the next one remembers what was written down."""
    bench.conductor.managed.clear()
    await bench.supervisor.roll.remember()
    bench.scheduling = bench.schedules()
    await bench.scheduling.begin()
    await bench.scheduling.look()


def launches(bench: Bench) -> int:
    return len(bench.keeper.asked("launch"))


async def test_it_is_shown_and_does_not_run_before_its_time(bench: Bench) -> None:
    await begun(bench)
    await bench.after(59)
    assert (bench.held().phase, launches(bench)) == (Phase.STOPPED, 0)
    assert bench.held().next_run == bench.clock.wall + 1
    assert [one.seq for one in bench.supervisor.instances()] == [1]


async def test_each_run_keeps_the_id_and_raises_the_generation(bench: Bench) -> None:
    await begun(bench)
    for generation in (1, 2, 3):
        await bench.after(60)
        await ran(bench, generation)
    assert [event.data["due"] for event in bench.told("app.scheduled")] == [
        pytest.approx(1_800_000_000.0 + 60 * count) for count in (1, 2, 3)
    ]
    assert len(bench.conductor.managed) == 1


async def test_the_next_run_is_shown_while_one_runs(bench: Bench) -> None:
    await begun(bench)
    await bench.after(60)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    assert bench.held().snapshot().next_run == pytest.approx(bench.clock.wall + 60)


async def test_a_clock_that_jumps_is_followed(bench: Bench) -> None:
    await begun(bench, HOURLY)
    first = bench.held().next_run
    await bench.after(1, jump=-7200)
    assert first is not None
    assert bench.held().next_run == first - 7200


async def test_an_interval_that_moves_on_the_wall_is_shown_anew(bench: Bench) -> None:
    await begun(bench)
    await bench.after(1, jump=1000)
    assert bench.held().next_run == pytest.approx(bench.clock.wall + 59)


async def test_at_start_runs_it_when_the_daemon_is_started(bench: Bench) -> None:
    await begun(bench, Schedule(every=60.0, at_start=True))
    await bench.after(0)
    await ran(bench, 1)


async def test_at_start_is_not_after_a_crash_of_the_daemon(bench: Bench) -> None:
    await begun(bench, Schedule(every=60.0, at_start=True))
    await bench.after(0)
    await ran(bench, 1)
    await next_daemon(bench)
    assert (launches(bench), bench.held().phase) == (1, Phase.DONE)


async def test_at_start_is_after_an_end_on_purpose(bench: Bench) -> None:
    await begun(bench, Schedule(every=60.0, at_start=True))
    await bench.after(0)
    await ran(bench, 1)
    bench.scheduling.close()
    bench.scheduling.close()
    await next_daemon(bench)
    await ran(bench, 2)


async def test_autostart_starts_nothing_that_has_a_schedule(bench: Bench) -> None:
    await begun(bench, autostart=True)
    await bench.after(1)
    assert launches(bench) == 0


async def test_a_run_that_was_due_while_no_daemon_was_there_is_made_up_for_once(bench: Bench) -> None:
    await begun(bench)
    await bench.after(60)
    await ran(bench, 1)
    bench.clock = bench.clock._replace(wall=bench.clock.wall + 1000, steady=0.0)
    await next_daemon(bench)
    await ran(bench, 2)
    await bench.after(59)
    assert launches(bench) == 2
    assert bench.told("app.scheduled")[-1].reason.endswith(", made up for")


async def test_a_daemon_killed_between_two_runs_doubles_none_and_forgets_none(bench: Bench) -> None:
    await begun(bench)
    await bench.after(60)
    await ran(bench, 1)
    bench.clock = bench.clock._replace(wall=bench.clock.wall + 20, steady=3.0)
    await next_daemon(bench)
    await bench.after(39)
    assert launches(bench) == 1
    await bench.after(1)
    await ran(bench, 2)


async def test_a_daemon_killed_before_a_run_that_is_owed_began_begins_it(bench: Bench) -> None:
    await begun(bench)
    held = bench.held()
    held.owed, held.next_run = 1, bench.clock.wall + 30
    await bench.memory.keep(held.record())
    await next_daemon(bench)
    await ran(bench, 1)
    await bench.after(1)
    assert launches(bench) == 1


async def test_a_daemon_killed_after_the_keeper_took_the_order_does_not_repeat_it(bench: Bench) -> None:
    await begun(bench)
    held = bench.held()
    held.owed, held.next_run, held.generation = 1, bench.clock.wall + 30, 1  # so the keeper's record says
    await bench.memory.keep(held.record())
    await next_daemon(bench)
    assert (launches(bench), bench.held().owed) == (0, 0)


async def test_a_schedule_that_was_changed_while_no_daemon_was_there_begins_anew(bench: Bench) -> None:
    await begun(bench)
    bench.clock = bench.clock._replace(wall=bench.clock.wall + 1000)
    bench.app("job", schedule=Schedule(every=90.0))
    await next_daemon(bench)
    assert launches(bench) == 0
    assert bench.held().next_run == pytest.approx(bench.clock.wall + 90)


async def test_a_changed_schedule_holds_at_once_and_touches_no_run(bench: Bench) -> None:
    await begun(bench)
    await bench.after(60)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    bench.app("job", schedule=Schedule(every=7.0))
    bench.scheduling.refresh()
    assert bench.held().next_run == bench.clock.wall + 7
    assert (bench.held().phase, launches(bench)) == (Phase.RUNNING, 1)


async def test_what_changes_no_time_leaves_the_next_run_alone(bench: Bench) -> None:
    await begun(bench)
    await bench.after(20)
    bench.app("job", schedule=Schedule(every=60.0, overlap="kill"))
    bench.scheduling.refresh()
    assert bench.held().next_run == pytest.approx(bench.clock.wall + 40)
    await bench.after(40)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    await bench.after(60)
    await bench.until(lambda: bench.held().generation == 2)


async def test_a_removed_schedule_runs_nothing_any_more(bench: Bench) -> None:
    await begun(bench)
    bench.app("job")
    bench.scheduling.refresh()
    await bench.after(1000)
    assert (launches(bench), bench.held().next_run) == (0, None)
    assert bench.supervisor.instances() == []


async def test_a_disabled_one_is_not_run_until_it_is_enabled(bench: Bench) -> None:
    await begun(bench)
    bench.held().enabled = False
    bench.scheduling.refresh()
    await bench.after(1000)
    assert (launches(bench), bench.held().next_run) == (0, None)
    bench.held().enabled = True
    bench.scheduling.refresh()
    await bench.after(60)
    await ran(bench, 1)


async def test_a_daemon_killed_as_a_schedule_was_ended_leaves_no_next_run(bench: Bench) -> None:
    await begun(bench)
    bench.held().enabled = False
    await bench.memory.keep(bench.held().record())
    await next_daemon(bench)
    assert bench.held().next_run is None


async def test_a_new_app_with_at_start_runs_when_it_is_applied(bench: Bench) -> None:
    await bench.scheduling.begin()
    bench.app("job", schedule=Schedule(every=60.0, at_start=True))
    bench.scheduling.refresh()
    await bench.after(0)
    await ran(bench, 1)


async def test_a_run_that_waits_begins_when_the_one_before_ends(bench: Bench) -> None:
    await begun(bench, Schedule(every=60.0, overlap="queue"))
    await bench.after(60)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    await bench.after(60)
    assert (bench.held().owed, launches(bench)) == (2, 1)
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    await bench.after(0)
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)


async def test_a_run_that_waits_survives_the_daemon(bench: Bench) -> None:
    await begun(bench, Schedule(every=60.0, overlap="queue"))
    await bench.after(60)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    await bench.after(60)
    await next_daemon(bench)
    assert bench.held().owed == 2
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    await bench.after(0)
    await bench.until(lambda: bench.held().generation == 2)


async def test_before_the_daemon_is_up_and_after_its_end_nothing_is_followed(bench: Bench) -> None:
    bench.app("job", schedule=EVERY)
    bench.scheduling.refresh()
    assert bench.conductor.managed == {}
    await bench.scheduling.begin()
    bench.scheduling.close()
    await bench.after(1000)
    assert launches(bench) == 0


async def test_a_store_that_cannot_write_holds_up_no_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await begun(bench)

    async def full(_record: object) -> None:
        raise StoreError("no space")

    monkeypatch.setattr(bench.memory, "keep", full)
    await bench.after(60)
    await ran(bench, 1)
    assert "may be repeated" in caplog.text


async def test_a_bug_in_the_store_is_not_taken_for_a_full_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(bench)

    async def broken(_record: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(bench.memory, "keep", broken)
    with pytest.raises(ValueError, match="a bug"):
        await bench.after(60)


async def test_a_fault_in_one_run_stays_with_its_app(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.app("other", schedule=EVERY)
    await begun(bench)
    answer = bench.dues.answer

    async def faulty(managed: Any, *args: Any, **more: Any) -> None:
        if managed.seq == 1:
            raise RuntimeError("boom")
        await answer(managed, *args, **more)

    monkeypatch.setattr(bench.dues, "answer", faulty)
    await bench.after(60)
    await bench.until(lambda: bench.held(2).phase is Phase.RUNNING)
    assert "left out" in caplog.text
    assert bench.held(1).owed == 0


async def test_a_schedule_that_goes_while_it_is_written_down_begins_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(bench)
    keep = bench.memory.keep

    async def slowly(record: Any) -> None:
        bench.app("job")
        bench.scheduling.refresh()
        await keep(record)

    monkeypatch.setattr(bench.memory, "keep", slowly)
    await bench.after(60)
    assert launches(bench) == 0


async def test_the_task_sleeps_until_something_is_due_or_changes(bench: Bench) -> None:
    await bench.scheduling.begin()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.scheduling.run())
        await asyncio.sleep(0)
        bench.app("job", schedule=Schedule(every=60.0, at_start=True))
        bench.scheduling.refresh()
        await bench.until(lambda: launches(bench) == 1)
        bench.held().owed = 2
        await ran(bench, 1)
        await bench.until(lambda: launches(bench) == 2)
        task.cancel()


async def test_a_fault_in_a_look_does_not_end_the_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def boom() -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(bench.scheduling, "look", boom)
    with caplog.at_level(logging.ERROR):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(bench.scheduling.run())
            await bench.until(lambda: "looked at again" in caplog.text)
            assert not task.done()
            task.cancel()


def test_the_clocks_are_those_of_the_host() -> None:
    first, second = clocks(), clocks()
    assert second.steady >= first.steady
    assert abs(second.wall - first.wall) < LOOK_SECONDS
