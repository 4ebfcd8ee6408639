import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import ask, visit
from viscript.door.protocol import LINE_MAX, TYPED_MAX
from viscript.door.server import Door
from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.table import Call, Outcome, Verb


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "apptracker"), instance(8, "web", State.FATAL, reason="exit 1"))


@pytest.fixture
async def path(world: FakeWorld, short_tmp: Path) -> AsyncIterator[Path]:
    async with Door(world, world.table, short_tmp / "d"):
        yield short_tmp / "d"


async def test_a_verb_is_answered_with_text_and_code(path: Path) -> None:
    said = await ask(path, argv=["ping", "7"])
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("[7] apptracker answered in")


async def test_errors_in_json_stand_on_both_streams(path: Path) -> None:
    said = await ask(path, argv=["ping", "70", "-o", "json"])
    assert said.code == ExitCode.NOT_FOUND
    assert said.json()["error"]["code"] == 5
    assert said.err.startswith("no app with id 70")


async def test_a_bug_in_a_verb_is_one_line_and_a_traceback_in_the_log(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        said = await ask(path, argv=["rpc", "7", "boom"])
    assert said.code == ExitCode.FAILED
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.out + said.err
    assert caplog.records[0].exc_info


@pytest.mark.parametrize("keep_going", [False, True])
async def test_a_script_gives_the_code_of_the_first_that_failed(path: Path, keep_going: bool) -> None:
    said = await ask(path, script="ping 7; ping 70\nping 8; ping 7", keep_going=keep_going)
    assert said.code == ExitCode.NOT_FOUND
    assert said.out.count("answered") == (2 if keep_going else 1)


async def test_quit_ends_a_script_with_success(path: Path) -> None:
    said = await ask(path, script="ping 7; quit; ping 70")
    assert said.code == 0


async def test_a_script_with_an_open_quote_runs_nothing(path: Path) -> None:
    said = await ask(path, script="ping 7; ping 'x")
    assert (said.code, said.out) == (ExitCode.USAGE, "")


async def test_a_script_cannot_attach(path: Path) -> None:
    assert (await ask(path, script="attach 7")).code == ExitCode.USAGE
    assert (await ask(path, script="s -a apptracker")).code == ExitCode.USAGE


async def test_an_interrupt_ends_the_verb_only(path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["wait", "8", "--for", "running"]})
        await visitor.send({"i": 1})
        assert (await visitor.rest()).code == ExitCode.INTERRUPTED


async def test_a_stop_goes_on_when_it_is_interrupted_and_says_what_it_waits_for(
    world: FakeWorld, path: Path
) -> None:
    world.fake.hold = asyncio.Event()
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["sd", "7"]})
        while not world.fake.asked:
            await asyncio.sleep(0.001)
        await visitor.send({"i": 1})
        said = await visitor.rest()
    assert said.code == ExitCode.INTERRUPTED
    assert "waits for [7] apptracker (pid 1007)" in said.err
    world.fake.hold.set()
    while world.fake.finished != ["stop 7"]:
        await asyncio.sleep(0.001)


async def test_a_start_goes_on_when_the_client_is_gone(world: FakeWorld, path: Path) -> None:
    world.fake.hold = asyncio.Event()
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["s", "apptracker"]})
        while not world.fake.asked:
            await asyncio.sleep(0.001)
    world.fake.hold.set()
    while world.fake.finished != ["start apptracker"]:
        await asyncio.sleep(0.001)


async def test_a_change_of_scale_that_is_interrupted_starts_no_more(world: FakeWorld, path: Path) -> None:
    world.fake.hold = asyncio.Event()
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["scale", "apptracker", "100000"]})
        while not world.fake.asked:
            await asyncio.sleep(0.001)
        await visitor.send({"i": 1})
        assert (await visitor.rest()).code == ExitCode.INTERRUPTED
    world.fake.hold.set()
    assert (await ask(path, argv=["la"])).code == 0
    assert world.fake.finished == ["start apptracker"]


async def test_a_long_script_lets_others_have_their_turn(path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "script": "send 7 x;" * 50_000})
        async with asyncio.timeout(1):
            assert (await ask(path, argv=["la"])).code == 0


async def test_a_client_that_leaves_while_it_is_answered_is_no_fault(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        async with visit(path) as visitor:
            await visitor.send({"v": 1, "script": "help --all;" * 500})
            visitor.writer.transport.abort()
    assert (await ask(path, argv=["la"])).code == 0
    assert "failed" not in caplog.text


async def test_a_verb_that_waits_ends_with_its_client(path: Path, world: FakeWorld) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["events", "-f"]})
        while not world.events._listeners:
            await asyncio.sleep(0.001)
    while world.events._listeners:
        await asyncio.sleep(0.001)


async def test_a_client_that_says_nothing_is_told_so(world: FakeWorld, short_tmp: Path) -> None:
    async with Door(world, world.table, short_tmp / "q", patience_s=0.05), visit(short_tmp / "q") as visitor:
        assert (await visitor.rest()).code == ExitCode.TIMED_OUT


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b"\xff\n", b"x" * (LINE_MAX + 10) + b"\n"])
async def test_a_bad_request_is_refused_in_one_line(path: Path, line: bytes) -> None:
    async with visit(path) as visitor:
        await visitor.send(line)
        said = await visitor.rest()
    assert said.code == ExitCode.USAGE
    assert said.err.count("\n") == 1


async def test_a_client_that_leaves_at_once_harms_nobody(path: Path) -> None:
    for _ in range(5):
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.close()
        await writer.wait_closed()
    assert (await ask(path, argv=["la"])).code == 0


async def test_a_slow_reader_stalls_only_itself(world: FakeWorld, path: Path) -> None:
    world.fake.add(*(instance(seq, f"app-{seq}") for seq in range(100, 1100)))
    async with visit(path) as slow:
        await slow.send({"v": 1, "script": "la -o json; " * 20})
        for _ in range(20):
            assert (await ask(path, argv=["ping", "7"])).code == 0
        said = await slow.rest()
    assert said.code == 0
    assert len(said.out) > 1_000_000


async def test_ascii_screens_get_ascii(world: FakeWorld, path: Path) -> None:
    world.fake.add(instance(9, "größe"))
    said = await ask(path, argv=["la"], tty={"ascii": True})
    assert "gr\\xf6\\xdfe" in said.out
    said = await ask(path, argv=["la", "-o", "json"], tty={"ascii": True})
    assert json.loads(said.out)[1]["name"] == "größe"


async def test_completion_goes_on_over_one_connection(path: Path) -> None:
    async with visit(path) as visitor:
        for text, first in (("pin", "ping"), ("ping ", "7")):
            await visitor.send({"v": 1, "complete": {"text": text, "cursor": len(text)}})
            answer = await visitor.receive()
            assert answer is not None
            assert answer["items"][0]["text"] == first


async def test_a_text_that_nobody_types_has_no_candidates(path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "complete": {"text": "l" * (TYPED_MAX + 1), "cursor": 1}})
        assert await visitor.receive() == {"items": [], "hint": ""}
        await visitor.send({"v": 1, "complete": {"text": "l" * TYPED_MAX, "cursor": 1}})
        assert (await visitor.receive() or {})["items"]


async def runs_a_program(call: Call) -> Outcome:
    return Outcome(program=("/bin/nc", call.cwd), notes=("a note",))


async def test_a_program_for_the_caller_comes_last_in_place_of_the_code(world: FakeWorld, path: Path) -> None:
    world.table.add(Verb(name="nc", summary="s", handler=runs_a_program, reads=False))
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["nc"], "cwd": "/x"})
        assert await visitor.receive() == {"e": "a note\n"}
        assert await visitor.receive() == {"p": ["/bin/nc", "/x"]}
        assert await visitor.receive() is None


async def test_a_script_runs_no_program_in_the_callers_place(world: FakeWorld, path: Path) -> None:
    world.table.add(Verb(name="nc", summary="s", handler=runs_a_program, reads=False))
    said = await ask(path, script="nc")
    assert (said.code, said.err) == (ExitCode.USAGE, "nc needs a command of its own: `viscript nc ...`\n")


def asking_door(world: FakeWorld, heard: list[str | None]) -> None:
    """A verb that asks until it hears nothing more."""

    async def handler(call: Call) -> Outcome:
        while (typed := await call.desk.ask("well? ")) is not None:
            heard.append(typed)
        heard.append(None)
        return Outcome(data="done", text="done")

    world.table.add(Verb(name="inquire", summary="asks", handler=handler))


async def test_a_verb_asks_the_person_and_is_told_what_was_typed(world: FakeWorld, path: Path) -> None:
    heard: list[str | None] = []
    asking_door(world, heard)
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["inquire"]})
        for typed in ("first", "second"):
            assert await visitor.receive() == {"q": "well? "}
            await visitor.send(b'{"nonsense"\n')
            await visitor.send({"r": typed})
        assert await visitor.receive() == {"q": "well? "}
        await visitor.send({"r": None})
        said = await visitor.rest()
    assert (said.code, said.out) == (0, "done\n")
    assert heard == ["first", "second", None]


async def test_an_answer_that_nobody_waits_for_means_nothing(world: FakeWorld, path: Path) -> None:
    heard: list[str | None] = []
    asking_door(world, heard)
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["inquire"]})
        await visitor.receive()
        await visitor.send(b'{"r":null}\n{"r":"late"}\n')
        assert (await visitor.rest()).code == 0
    assert heard == [None]


async def test_a_question_is_taken_back_when_the_verb_is_interrupted(world: FakeWorld, path: Path) -> None:
    asking_door(world, [])
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["inquire"]})
        assert await visitor.receive() == {"q": "well? "}
        await visitor.send({"i": 1})
        assert await visitor.receive() == {"q": None}
        assert await visitor.receive() == {"x": 130}


async def test_a_client_that_leaves_in_the_middle_of_a_question_is_missed_by_nobody(
    world: FakeWorld, path: Path
) -> None:
    asking_door(world, [])
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["inquire"]})
        assert await visitor.receive() == {"q": "well? "}
    assert (await ask(path, argv=["ping", "7"])).code == 0
