import asyncio

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import Sink, say
from viscript.errors import ExitCode
from viscript.render.writer import FormatWriter
from viscript.supervisor.api import Started
from viscript.verbs.core import builtin
from viscript.verbs.reach import goes_on, start_error, tolerant
from viscript.verbs.run import Context, run
from viscript.verbs.table import Call, Terminal, Verb


async def test_without_a_daemon_a_verb_that_needs_one_says_how_to_start_it() -> None:
    sink = Sink()
    ran = await run(["ping", "7"], Context(table=builtin(), world=None, sink=sink))
    assert ran.code is ExitCode.UNREACHABLE
    assert "viscript daemon --detach" in sink.errs[0]


async def test_one_target_is_wanted() -> None:
    world = FakeWorld(instance(7, "web"), instance(8, "db"))
    said = await say(world, "send all hello")
    assert (said.code, "means 7, 8" in said.err) == (ExitCode.USAGE, True)


async def test_an_interrupted_caller_is_told_what_goes_on() -> None:
    sink = Sink()
    verb = Verb(name="x", summary="x")
    call = Call(verb=verb, args={}, world=None, writer=FormatWriter(sink, verb, "table", Terminal()))

    async def work() -> None:
        async with goes_on(call, lambda: "it goes on"):
            await asyncio.sleep(60)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
    assert (sink.errs, task.cancelled()) == (["it goes on\n"], True)


def test_only_the_callers_absence_is_tolerated() -> None:
    def leave(exc: Exception) -> None:
        with tolerant():
            raise exc

    leave(ConnectionResetError())
    leave(TimeoutError())
    with pytest.raises(ValueError, match="x"):
        leave(ValueError("x"))


@pytest.mark.parametrize(
    "given, code", [(0, ExitCode.FAILED), (8, ExitCode.TIMED_OUT), (77, ExitCode.FAILED)]
)
def test_the_code_of_a_failed_start_is_one_of_ours(given: int, code: ExitCode) -> None:
    started = Started(instance=instance(7, "web"), ok=False, code=given, reason="why")
    assert start_error(started, "here").code is code
