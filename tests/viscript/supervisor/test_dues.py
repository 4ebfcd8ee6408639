"""Each run that is due begins, waits, replaces or is left out, and is told."""

import pytest

from tests.support.supervision import Bench
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.orders import CannotStart
from viscript.supervisor.overlap import Overlap


@pytest.fixture
async def job(bench: Bench) -> Managed:
    """One that runs."""
    bench.app("job")
    await bench.supervisor.start("job")
    return bench.held()


def told(bench: Bench) -> list[tuple[str, str]]:
    return [
        (one.type, one.reason)
        for one in bench.events.since(1)
        if one.actor == "schedule" and "due" in one.data
    ]


async def answer(bench: Bench, overlap: Overlap, *, waits: bool = False) -> None:
    bench.held().owed = bench.held().generation + 1
    await bench.dues.answer(bench.held(), overlap, bench.clock.wall, waits=waits)


async def test_one_that_ended_begins(bench: Bench, job: Managed) -> None:
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    await answer(bench, Overlap.SKIP)
    await bench.until(lambda: job.generation == 2 and job.phase is Phase.RUNNING)
    assert [kind for kind, _ in told(bench)] == ["app.scheduled"]
    assert job.begun_for.startswith("due 2027-01-15 ")
    assert job.owed == 0


async def test_one_that_failed_and_waits_to_be_restarted_begins_now(bench: Bench, job: Managed) -> None:
    bench.keeper.exited(1, 1)
    assert job.phase is Phase.BACKOFF
    await answer(bench, Overlap.SKIP)
    assert bench.keeper.asked("retry") == [{"seq": 1}]


async def test_it_is_left_out_while_the_one_before_runs(bench: Bench, job: Managed) -> None:
    await answer(bench, Overlap.SKIP)
    assert told(bench) == [("app.skipped", "the run before is still running")]
    assert (job.generation, job.owed) == (1, 0)


async def test_it_waits_for_the_end_of_the_one_before(bench: Bench, job: Managed) -> None:
    await answer(bench, Overlap.QUEUE)
    bench.dues.resume(job)
    assert (job.generation, job.owed) == (1, 2)
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    bench.dues.resume(job)
    await bench.until(lambda: job.generation == 2 and job.phase is Phase.RUNNING)
    assert [event.data["waits"] for event in bench.told("app.scheduled")] == [True, False]


async def test_only_one_waits(bench: Bench, job: Managed) -> None:
    await answer(bench, Overlap.QUEUE)
    await answer(bench, Overlap.QUEUE, waits=True)
    assert told(bench)[-1] == ("app.skipped", "another that was due earlier is still waiting")
    assert job.owed == 2


async def test_a_stop_by_a_user_ends_the_waiting_too(bench: Bench, job: Managed) -> None:
    await answer(bench, Overlap.QUEUE)
    await bench.supervisor.stop(1)
    bench.dues.resume(job)
    assert told(bench)[-1] == ("app.skipped", "the run before, whose end it waited for, was stopped")
    assert (job.phase, job.owed) == (Phase.STOPPED, 0)


async def test_it_replaces_the_one_before(bench: Bench, job: Managed) -> None:
    await answer(bench, Overlap.KILL)
    await bench.until(lambda: job.generation == 2 and job.phase is Phase.RUNNING)
    assert len(bench.keeper.asked("stop")) == 1
    assert bench.told("app.stopping")[0].actor == "schedule"


async def test_what_could_not_come_up_is_not_taken_down(bench: Bench, job: Managed) -> None:
    bench.env_fault = CannotStart("env-missing", "the secret is gone")
    await answer(bench, Overlap.KILL)
    kind, reason = told(bench)[-1]
    assert kind == "app.skipped"
    assert reason.endswith("it could not come up again: the secret is gone")
    assert (job.phase, job.owed) == (Phase.RUNNING, 0)


async def test_a_late_run_says_that_it_is_made_up_for(bench: Bench, job: Managed) -> None:
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    await bench.dues.answer(job, Overlap.SKIP, bench.clock.wall - 3600, waits=False)
    assert job.begun_for.endswith(", made up for")
