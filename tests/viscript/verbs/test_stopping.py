import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import Exit, Stopped


@pytest.fixture
def world() -> FakeWorld:
    stopped = instance(8, "old", State.STOPPED, last_exit=Exit(code=3))
    return FakeWorld(instance(7, "web"), stopped, instance(9, "db"))


async def test_a_stop_tells_how_it_went(world: FakeWorld) -> None:
    said = await say(world, "sd 7 --grace 2s")
    assert said.out == "[7] web ended when asked: exit 0 after 0.2s\n"
    assert world.fake.asked == [("stop", 7, 2.0, False)]


async def test_a_stop_is_a_list_in_json(world: FakeWorld) -> None:
    said = await say(world, "stop 7 -o json")
    assert said.json() == [
        {"id": 7, "exit": {"code": 0, "signal": None}, "seconds": 0.25, "rung": "bus", "name": "web"}
    ]


@pytest.mark.parametrize("command", ["kill 7", "sd 7 --now"])
async def test_kill_is_a_stop_at_once(world: FakeWorld, command: str) -> None:
    assert "had to be killed" in (await say(world, command)).out
    assert world.fake.asked == [("stop", 7, None, True)]


async def test_stopping_what_is_stopped_is_done(world: FakeWorld) -> None:
    said = await say(world, "sd 8")
    assert (said.code, said.out) == (0, "[8] old was not running\n")


async def test_one_that_waits_for_its_next_start_is_told_to_wait_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stop(seq: int, **_: object) -> Stopped:
        return Stopped(seq=seq, exit=Exit(code=1), seconds=0.0, rung="none")

    world = FakeWorld(instance(9, "db", State.BACKOFF))
    monkeypatch.setattr(world.fake, "stop", stop)
    assert (await say(world, "sd 9")).out == "[9] db is not started again\n"


async def test_all_means_all_that_live(world: FakeWorld) -> None:
    assert [row["id"] for row in (await say(world, "sd all -o json")).json()] == [7, 9]


async def test_stopping_nothing_is_done() -> None:
    said = await say(FakeWorld(), "sd all -o json")
    assert (said.code, said.json()) == (0, [])


async def test_one_stop_that_fails_does_not_hide_the_others(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = world.fake.stop

    async def stop(seq: int, *, grace: float | None = None, now: bool = False, actor: str = "") -> Stopped:
        if seq == 7:
            raise VerbError(ExitCode.FAILED, "the keeper is gone")
        return await good(seq)

    monkeypatch.setattr(world.fake, "stop", stop)
    said = await say(world, "sd 7 9")
    assert said.code == ExitCode.FAILED
    assert "[9] db ended" in said.out
    assert said.err == "[7] web: the keeper is gone\n"


async def test_many_stops_are_a_table() -> None:
    world = FakeWorld(*(instance(seq, f"app-{seq}") for seq in range(1, 9)))
    assert (await say(world, "sd all")).out.startswith("ID  NAME")


async def test_one_with_a_schedule_is_told_to_go_on(world: FakeWorld) -> None:
    world = FakeWorld(instance(7, "job", next_run=99.0))
    said = await say(world, "sd 7")
    assert said.out.endswith("; its schedule goes on (`disable 7` ends that)\n")
