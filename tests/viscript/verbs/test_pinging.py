import asyncio

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import SCREEN, Sink, say
from viscript.errors import ExitCode, VerbError
from viscript.pluginhost.spec import Target
from viscript.states import State
from viscript.supervisor.api import Pong
from viscript.verbs import pinging
from viscript.verbs.pinging import summary
from viscript.verbs.run import Context, run


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(
        instance(7, "web"), instance(8, "sleep", registered=False), instance(9, "old", State.FATAL)
    )


async def test_a_ping_has_the_published_fields(world: FakeWorld) -> None:
    found = (await say(world, "ping 7 -c 3 -i 0 -o json")).json()
    assert {key: found[key] for key in ("id", "kind", "count", "lost")} == {
        "id": 7, "kind": "bus", "count": 3, "lost": 0,
    }  # fmt: skip
    assert found["min_seconds"] == found["median_seconds"] == found["max_seconds"] == 0.0002


async def test_a_plain_program_is_marked(world: FakeWorld) -> None:
    said = await say(world, "ping 8")
    assert "plain program" in said.out
    assert (await say(world, "ping 8 -o json")).json()["kind"] == "process"


async def test_what_does_not_run_is_3(world: FakeWorld) -> None:
    assert (await say(world, "ping 9")).code == ExitCode.NOT_HEALTHY


@pytest.mark.parametrize("target, code", [("7", ExitCode.TIMED_OUT), ("8", ExitCode.NOT_HEALTHY)])
async def test_silence_is_an_error_by_its_kind(world: FakeWorld, target: str, code: int) -> None:
    world.fake.silent |= {7, 8}
    assert (await say(world, f"ping {target}")).code == code


async def test_several_are_a_list_and_one_silent_one_is_3(world: FakeWorld) -> None:
    world.fake.silent.add(8)
    said = await say(world, "ping all -o json")
    assert [row["lost"] for row in said.json()] == [0, 1]
    assert said.code == ExitCode.NOT_HEALTHY


async def test_an_app_that_ends_meanwhile_is_an_error_that_names_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ping(seq: int, timeout: float = 2.0) -> Pong:
        if seq == 7:
            raise VerbError(ExitCode.NOT_HEALTHY, "killed by signal 9")
        return Pong(kind="process", seconds=0.1)

    monkeypatch.setattr(world.supervisor, "ping", ping)
    said = await say(world, "ping 7 -o json")
    assert said.code == ExitCode.NOT_HEALTHY
    assert said.json()["error"]["text"] == "[7] web ended while it was asked: killed by signal 9"
    assert said.json()["error"]["data"]["lost"] == 1
    several = await say(world, "ping all -o json")
    assert [row["lost"] for row in several.json()] == [1, 0]
    assert several.code == ExitCode.NOT_HEALTHY
    assert "killed by signal 9" in several.err


async def test_a_plugin_may_know_the_target(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(target: str) -> Target | None:
        known = Target(kind="peer", label="bob", app="web", params={"pk": "b0b"})
        return known if target == "peer:bob" else None

    monkeypatch.setattr(world.plugins, "resolve", resolve)
    assert (await say(world, "ping peer:bob -o json")).json() == {"method": "ping", "params": {"pk": "b0b"}}
    assert (await say(world, "ping peer:eve")).code == ExitCode.NOT_FOUND
    several = (await say(world, "ping peer:bob -c 3 -i 1 -o json")).json()
    assert several["params"] == {"pk": "b0b", "count": 3, "interval": 1.0}


async def test_what_only_an_absent_app_can_ping_is_told(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(target: str) -> Target | None:
        return Target(kind="peer", label="bob", app="phone")

    monkeypatch.setattr(world.plugins, "resolve", resolve)
    said = await say(world, "ping peer:bob")
    assert said.code == ExitCode.NOT_HEALTHY
    assert "peer bob is pinged by phone, which does not run" in said.err
    assert "s phone" in said.err


async def test_a_name_that_only_an_app_can_know_is_a_target_if_it_knows_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(target: str) -> Target | None:
        app = "phone" if target == "ann" else "web"
        return Target(kind="peer", label=target, app=app, params={"peer": target}, guess=True)

    async def call(seq: int, method: str, params: dict[str, str], timeout: float) -> object:
        if params["peer"] != "bob":
            raise VerbError(ExitCode.NOT_FOUND, "web answered: unknown", data={"text": "no such peer"})
        return {"count": 1, "lost": 0, "min_seconds": 0.1, "median_seconds": 0.1, "max_seconds": 0.1}

    monkeypatch.setattr(world.plugins, "resolve", resolve)
    monkeypatch.setattr(world.supervisor, "call", call)
    assert (await say(world, "ping bob")).out == "bob answered in 100.00 ms\n"
    for typed in ("boob", "ann"):  # not known to it; known to nobody, since that app does not run
        said = await say(world, f"ping {typed}")
        assert said.code == ExitCode.NOT_FOUND
        assert f'no app named "{typed}" runs here' in said.err


@pytest.mark.parametrize(
    "answer, told",
    [
        (
            {"count": 1, "lost": 0, "min_seconds": 0.1, "median_seconds": 0.1, "max_seconds": 0.1},
            "bob answered in 100.00 ms",
        ),
        (
            {
                "count": 3, "lost": 1, "path": "direct",
                "min_seconds": 0.1, "median_seconds": 0.2, "max_seconds": 0.3,
            },
            "bob answered 2 of 3, min/median/max 100.00 ms/200.00 ms/300.00 ms (direct)",
        ),
        ("pong", "bob: pong"),
    ],
)  # fmt: skip
async def test_a_far_answer_is_a_sentence(
    answer: object, told: str, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(target: str) -> Target | None:
        return Target(kind="peer", label="bob", app="web")

    async def call(seq: int, method: str, params: object, timeout: float) -> object:
        return answer

    monkeypatch.setattr(world.plugins, "resolve", resolve)
    monkeypatch.setattr(world.supervisor, "call", call)
    assert (await say(world, "ping peer:bob")).out == f"{told}\n"


async def test_a_far_target_that_never_answers_is_a_timeout(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(target: str) -> Target | None:
        return Target(kind="peer", label="bob", app="web")

    async def call(seq: int, method: str, params: object, timeout: float) -> object:
        return {"count": 2, "lost": 2, "min_seconds": None}

    monkeypatch.setattr(world.plugins, "resolve", resolve)
    monkeypatch.setattr(world.supervisor, "call", call)
    said = await say(world, "ping peer:bob -o json")
    assert said.code == ExitCode.TIMED_OUT
    assert said.json()["error"]["text"] == "peer bob did not answer (2 of 2 lost)"


def test_the_median_leaves_out_what_was_lost() -> None:
    pongs = [Pong(kind="bus", seconds=value) for value in (0.3, None, 0.1, 0.2)]
    found = summary(instance(7, "web"), pongs)
    assert (found.count, found.lost, found.min_seconds, found.median_seconds) == (4, 1, 0.1, 0.2)


async def test_one_of_several_that_does_not_run_is_not_said_to_have_ended_just_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = FakeWorld(instance(7, "web"), instance(8, "bad", State.BACKOFF, pid=None))

    async def ping(seq: int, timeout: float = 2.0) -> Pong:
        if seq == 8:
            raise VerbError(ExitCode.NOT_HEALTHY, "it has no process")
        return Pong(kind="bus", seconds=0.1)

    monkeypatch.setattr(world.supervisor, "ping", ping)
    said = await say(world, "ping all")
    assert said.code == ExitCode.NOT_HEALTHY
    assert "[8] bad is not running (backoff)" in said.err


async def test_each_of_several_answers_is_told_as_it_comes(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, seen = Sink(), []
    answers = iter([0.001, None, 0.002])

    async def ping(seq: int, timeout: float = 2.0) -> Pong:
        seen.append(len(sink.outs))
        return Pong(kind="bus", seconds=next(answers))

    monkeypatch.setattr(world.supervisor, "ping", ping)
    context = Context(table=world.table, world=world, sink=sink, terminal=SCREEN)
    await run(["ping", "7", "-c", "3", "-i", "0"], context)
    assert seen == [0, 1, 2]  # each was told before the next was asked for
    assert sink.outs[:3] == [
        "[7] web: 1 of 3 answered in 1.00 ms\n",
        "[7] web: 2 of 3 no answer\n",
        "[7] web: 3 of 3 answered in 2.00 ms\n",
    ]
    assert "answered 2 of 3" in sink.outs[3]


async def test_one_answer_and_the_data_formats_have_no_lines_of_their_own(world: FakeWorld) -> None:
    assert (await say(world, "ping 7")).out.count("\n") == 1
    assert (await say(world, "ping all -c 2 -i 0")).out.count(" of 2 ") == 4
    for form in ("json", "jsonl", "yaml", "name"):
        assert " of 2 " not in (await say(world, f"ping all -c 2 -i 0 -o {form}")).out


async def test_there_is_an_end_to_round_trips(world: FakeWorld) -> None:
    said = await say(world, "ping 7 -c 100001")
    assert said.code == ExitCode.USAGE
    assert "100000 at most" in said.err


async def test_a_caller_of_another_host_has_no_app_asked_without_a_pause(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinging, "FAR_INTERVAL_S", 0.02)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert (await say(world, "ping 7 -c 3 -i 0", actor="ab" * 32)).code == 0
    assert loop.time() - begun >= 0.04
