"""A stop that takes long: what is said, when, and to whom."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.support.fake_world import FakeWorld, entry, instance
from tests.support.verbs import SCREEN, Said, Sink, say
from viscript.config.model import App, Stop
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import Instance
from viscript.verbs import slow
from viscript.verbs.run import Context, run
from viscript.verbs.slow import waiting
from viscript.verbs.table import Terminal

STOPPING = State.STOPPING


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes any time takes long."""
    monkeypatch.setattr(slow, "SLOW_S", 0.01)


@pytest.mark.parametrize(
    "facts, stop, passed, said",
    [
        ({"registered": False}, Stop(), 2.0, "[3] web ignores SIGTERM; SIGKILL in 8 s"),
        ({"registered": False}, Stop(signal="INT", grace=60), 2.0, "[3] web ignores SIGINT; SIGKILL in 58 s"),
        ({"registered": True}, Stop(), 2.0, "[3] web was asked to end; SIGTERM in 3 s, SIGKILL in 13 s"),
        ({"registered": True}, Stop(), 7.0, "[3] web ignores SIGTERM; SIGKILL in 8 s"),
        ({"registered": False}, Stop(), 11.0, "[3] web was sent SIGKILL and is still there"),
        (
            {"registered": False},
            Stop(pre_stop=("x",)),
            2.0,
            "[3] web runs its pre_stop or ignores SIGTERM; SIGKILL in at most 38 s",
        ),
    ],
)
def test_the_rung_and_the_next_one_are_named(
    facts: dict[str, Any], stop: Stop, passed: float, said: str
) -> None:
    item = instance(3, "web", STOPPING, **facts)
    item = msgspec.structs.replace(item, spec=App(command=("x",), stop=stop))
    assert waiting(item, item, passed) == said


def test_what_was_ordered_goes_before_what_is_configured() -> None:
    item = instance(3, "web", STOPPING, registered=False)
    assert waiting(item, item, 2.0, grace=4.0).endswith("SIGKILL in 2 s")
    assert waiting(item, item, 2.0, now=True) == "[3] web was sent SIGKILL and is still there"


def test_of_a_restart_the_start_may_take_long_too() -> None:
    was = instance(3, "web", registered=False)
    now_is = instance(3, "web", State.WAITING, generation=1, waiting_for=("db (starting)",))
    assert waiting(now_is, was, 5.0) == "[3] web is waiting for db (starting)"
    assert waiting(instance(3, "web", State.STARTING, generation=2), was, 5.0) == "[3] web is starting"


async def held(command: str, *, interrupt: bool = False, until: str = "", **context: Any) -> Said:
    """A command against apps that take their time: until something is said, or it is interrupted."""
    world = FakeWorld(*(instance(seq, f"web#{seq}", registered=False) for seq in range(3, 10)))
    world.fake.hold = asyncio.Event()
    sink = Sink()
    context.setdefault("terminal", SCREEN)
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        running = run(command.split(), Context(table=world.table, world=world, sink=sink, **context))
        task = group.create_task(running)
        while not world.fake.asked:
            await asyncio.sleep(0)
        for seq in range(3, 10):
            world.fake.change(seq, state=STOPPING)
        while until and until not in "".join(sink.errs):
            await asyncio.sleep(0.005)
        if interrupt:
            task.cancel()
        else:
            await asyncio.sleep(0.05)  # in which it would say it again
            world.fake.hold.set()
    return Said(err="".join(sink.errs), out="".join(sink.outs))


@pytest.mark.parametrize("command", ["sd 3", "restart 3"])
async def test_people_are_told_once_what_is_waited_for(command: str) -> None:
    said = await held(command, until="SIGKILL")
    assert said.err == "[3] web#3 ignores SIGTERM; SIGKILL in 10 s\n"


async def test_of_many_a_few_are_named() -> None:
    said = await held("sd all", until="SIGKILL")
    assert said.err.count("ignores SIGTERM") == 5
    assert said.err.endswith("and 2 more\n")


async def test_whoever_interrupts_is_told_too() -> None:
    said = await held("sd 3", until="SIGKILL", interrupt=True)
    assert said.err.splitlines()[1:] == [
        "[3] web#3 ignores SIGTERM; SIGKILL in 10 s",
        "the stop goes on (`kill` ends them at once)",
    ]
    said = await held("restart 3", until="SIGKILL", interrupt=True)
    assert said.err.splitlines()[1:] == [
        "[3] web#3 ignores SIGTERM; SIGKILL in 10 s",
        "the restart of [3] web#3 goes on",
    ]


async def test_programs_are_told_nothing_before_the_end() -> None:
    assert (await held("sd 3 -o json")).err == ""
    assert (await held("sd 3", terminal=Terminal())).err == ""


async def test_what_ends_soon_is_not_waited_for() -> None:
    assert (await say(FakeWorld(instance(3, "web")), "sd 3")).err == ""


async def started_slowly(
    *items: Instance, interrupt: bool = False, until: str = "say", command: str = "s web", **context: Any
) -> Said:
    """A start that waits, with these instances made meanwhile."""
    world = FakeWorld(instance(1, "web"))
    world.fake.hold = asyncio.Event()
    sink = Sink()
    context.setdefault("terminal", SCREEN)
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        running = run(command.split(), Context(table=world.table, world=world, sink=sink, **context))
        task = group.create_task(running)
        while not world.fake.asked:
            await asyncio.sleep(0)
        world.fake.add(*items)
        while until and until not in "".join(sink.errs):
            await asyncio.sleep(0.005)
        if interrupt:
            task.cancel()
        else:
            await asyncio.sleep(0.05)
            world.fake.hold.set()
    return Said(err="".join(sink.errs), out="".join(sink.outs))


WAITS = instance(2, "web#2", State.WAITING, app="web", entry=entry("web", needs=("db",)), waiting_for=("db",))


async def test_people_are_told_once_what_a_start_waits_for_and_what_fails_there() -> None:
    db = instance(3, "db", State.BACKOFF, reason="exit status 1")
    said = await started_slowly(WAITS, db)
    assert said.err == "[2] web#2 is waiting for db; [3] db fails: exit status 1; `why 2` says more\n"
    assert said.out.startswith("[4] web is running")


async def test_a_start_that_only_takes_its_time_is_named() -> None:
    said = await started_slowly(instance(2, "web#2", State.STARTING, app="web"), interrupt=True)
    assert said.err.splitlines()[1:] == [
        "[2] web#2 is starting; `why 2` says more",
        "the start of web goes on; `la` shows it",
    ]


async def test_a_program_that_starts_something_is_told_at_the_end_alone() -> None:
    assert (await started_slowly(WAITS, until="", command="s web -o json")).err == ""


async def test_a_start_that_is_refused_is_still_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*words: object, **given: object) -> None:
        raise VerbError(ExitCode.FAILED, "the disk is full")

    world = FakeWorld()
    monkeypatch.setattr(world.fake, "start", refused)
    sink = Sink()
    await run(["s", "web"], Context(table=world.table, world=world, sink=sink, terminal=SCREEN))
    assert "".join(sink.errs) == "the disk is full\n"


async def test_what_is_raised_meanwhile_comes_out_as_it_is() -> None:
    async def write(text: str) -> None:
        raise AssertionError(text)

    class Quick:
        def text(self) -> str:
            return ""

    with pytest.raises(ConnectionResetError):
        async with slow.telling(write, Quick()):
            raise ConnectionResetError
