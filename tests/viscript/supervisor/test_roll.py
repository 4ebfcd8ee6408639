"""Ids and names: what is given out, held, kept and forgotten."""

import pytest

from tests.support.supervision import Bench
from viscript.errors import VerbError
from viscript.store.writer import StoreError


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


async def test_the_oldest_that_ended_are_forgotten_with_their_logs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.supervisor.roll.FORGET_EVERY", 1)
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
