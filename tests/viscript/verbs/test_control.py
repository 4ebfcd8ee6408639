import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"), instance(8, "bad", State.FATAL), instance(9, "db", State.BACKOFF))


async def test_a_signal_is_sent(world: FakeWorld) -> None:
    said = await say(world, "signal 7 HUP --tree")
    assert (said.out, world.fake.asked) == ("[7] got SIGHUP\n", [("signal", 7, 1, True)])


async def test_a_line_is_written_to_stdin(world: FakeWorld) -> None:
    await say(world, "send 7 hello there")
    await say(world, "send -n 7 x")
    assert world.fake.asked == [("send", 7, b"hello there\n"), ("send", 7, b"x")]


async def test_an_app_that_does_not_read_is_told(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(seq: int, data: bytes) -> int:
        return 1

    monkeypatch.setattr(world.fake, "send", send)
    said = await say(world, "send 7 hello")
    assert (said.code, said.err) == (
        ExitCode.FAILED,
        "[7] web took 1 of 6 bytes; it does not read its stdin\n",
    )


async def test_a_method_is_called_and_without_one_all_are_listed(world: FakeWorld) -> None:
    assert (await say(world, "rpc 7")).out == "find  find services\n"
    said = await say(world, ["r", "7", "find", '{"a": 1}', "-o", "json"])
    assert said.json() == {"method": "find", "params": {"a": 1}}


async def test_wait_ends_in_the_state_or_at_the_deadline(world: FakeWorld) -> None:
    assert (await say(world, "wait 7")).out == "[7] web is running\n"
    assert (await say(world, "wait 9 --for fatal --timeout 10ms")).code == ExitCode.TIMED_OUT
