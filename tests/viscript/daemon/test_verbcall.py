"""Verbs that come over the bus: one reply, whatever they write."""

import pytest

from signal_bus.messages import VerbRequest
from tests.support.fake_world import FakeWorld, instance
from viscript.daemon import verbcall
from viscript.daemon.verbcall import run_for_bus
from viscript.errors import ExitCode


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"))


async def test_data_comes_as_data(world: FakeWorld) -> None:
    reply = await run_for_bus(VerbRequest(argv=("la",)), world.table, world)
    assert reply.code == 0
    assert isinstance(reply.data, list)
    assert reply.data[0]["id"] == 7


async def test_text_comes_as_text(world: FakeWorld) -> None:
    reply = await run_for_bus(VerbRequest(argv=("la",), format="table"), world.table, world)
    assert "web" in reply.out
    assert reply.data is None


async def test_an_error_has_its_code_and_its_sentence(world: FakeWorld) -> None:
    reply = await run_for_bus(VerbRequest(argv=("nonsense",)), world.table, world)
    assert reply.code == ExitCode.USAGE
    assert "nonsense" in reply.err


async def test_the_format_is_ours_and_never_an_argument_of_the_app(world: FakeWorld) -> None:
    await run_for_bus(VerbRequest(argv=("s", "web", "--port", "80")), world.table, world)
    started = [asked for asked in world.fake.asked if asked[0] == "start"]
    assert len(started) == 1
    assert "json" not in repr(started[0])
    assert "--port" in repr(started[0])


async def test_a_caller_may_choose_another_format_itself(world: FakeWorld) -> None:
    reply = await run_for_bus(VerbRequest(argv=("la", "-o", "yaml")), world.table, world)
    assert reply.code == 0
    assert reply.data is None


async def test_an_answer_that_is_too_long_is_never_taken_for_a_short_one(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbcall, "MOST_TEXT", 10)
    reply = await run_for_bus(VerbRequest(argv=("la",)), world.table, world)
    assert len(reply.out) == 10
    assert "cut" in reply.err
