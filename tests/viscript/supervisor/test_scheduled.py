"""Which instances a schedule runs."""

from tests.support.supervision import Bench
from viscript.config.model import Schedule
from viscript.supervisor.lifecycle import Phase

EVERY = Schedule(every=60.0)


def found(bench: Bench) -> list[int]:
    return [managed.seq for managed, _ in bench.scheduled.instances()]


async def test_so_many_as_the_app_has_are_made_once(bench: Bench) -> None:
    bench.app("job", schedule=EVERY, instances=2)
    bench.app("web")
    assert found(bench) == [1, 2]
    assert found(bench) == [1, 2]
    assert [bench.held(seq).name for seq in (1, 2)] == ["job", "job#2"]
    assert bench.held(1).configured


async def test_one_that_is_disabled_is_not_run_and_not_replaced(bench: Bench) -> None:
    bench.app("job", schedule=EVERY)
    assert found(bench) == [1]
    bench.held().enabled = False
    assert found(bench) == []
    assert len(bench.conductor.managed) == 1


async def test_one_that_a_user_started_is_not_run_by_the_schedule(bench: Bench) -> None:
    bench.app("job", schedule=EVERY)
    bench.supervisor.roll.create(bench.apps["job"], ("mine",))
    assert found(bench) == [2]


async def test_a_lowered_count_leaves_the_oldest(bench: Bench) -> None:
    bench.app("job", schedule=EVERY, instances=3)
    assert found(bench) == [1, 2, 3]
    bench.app("job", schedule=EVERY, instances=1)
    assert found(bench) == [1]


async def test_one_that_runs_keeps_its_app_until_it_ends(bench: Bench) -> None:
    bench.app("job", schedule=EVERY)
    assert found(bench) == [1]
    entry = bench.app("job", schedule=EVERY, desc="new")
    bench.held().phase = Phase.RUNNING
    bench.scheduled.refresh(bench.held())
    assert bench.held().entry is not entry
    bench.held().phase = Phase.DONE
    bench.scheduled.refresh(bench.held())
    assert bench.held().entry is entry
