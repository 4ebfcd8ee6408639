"""Verbs that come over the bus or from a plugin: one reply, whatever they write."""

import pytest

from signal_bus.messages import VerbRequest
from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import Sink
from viscript.daemon import verbcall
from viscript.daemon.verbcall import run_for_bus, run_for_plugin
from viscript.errors import ExitCode, VerbError
from viscript.render.writer import FormatWriter
from viscript.verbs.parse import parse
from viscript.verbs.table import Call, Terminal


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"))


def call(world: FakeWorld) -> Call:
    verb = parse(world.table, ["la"]).verb
    return Call(verb=verb, args={}, world=world, writer=FormatWriter(Sink(), verb, "json", Terminal()))


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
    await run_for_plugin(["s", "web", "--", "--port", "80"], call(world), world.table)
    started = [asked for asked in world.fake.asked if asked[0] == "start"]
    assert len(started) == 2
    assert all("json" not in repr(asked) for asked in started)
    assert all("--port" in repr(asked) for asked in started)


async def test_a_caller_may_choose_another_format_itself(world: FakeWorld) -> None:
    reply = await run_for_bus(VerbRequest(argv=("la", "-o", "yaml")), world.table, world)
    assert reply.code == 0
    assert reply.data is None


async def test_a_plugin_gets_data_or_an_error(world: FakeWorld) -> None:
    assert (await run_for_plugin(["la"], call(world), world.table))[0]["id"] == 7
    with pytest.raises(VerbError) as caught:
        await run_for_plugin(["why", "99"], call(world), world.table)
    assert caught.value.code is ExitCode.NOT_FOUND
    assert "99" in caught.value.text


async def test_an_answer_that_is_too_long_is_never_taken_for_a_short_one(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbcall, "MOST_TEXT", 10)
    reply = await run_for_bus(VerbRequest(argv=("la",)), world.table, world)
    assert len(reply.out) == 10
    assert "cut" in reply.err
    with pytest.raises(VerbError, match="cut"):
        await run_for_plugin(["la"], call(world), world.table)
