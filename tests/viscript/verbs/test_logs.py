import asyncio
import struct
from pathlib import Path

import pytest

from tests.support.fake_world import NOW, FakeWorld, instance
from tests.support.verbs import Sink, say
from viscript.errors import ExitCode
from viscript.keeper.segments import OUT, file_name
from viscript.logs.search import LINE_BUDGET_S, Search
from viscript.verbs import logs
from viscript.verbs.run import Context, run
from viscript.verbs.table import Terminal

PIPE = Terminal()


def written(folder: Path, data: bytes, *, at: float) -> None:
    """Output as the keeper leaves it, drained in one block."""
    folder.mkdir(exist_ok=True)
    log = folder / file_name(0, OUT, "log")
    with log.open("ab") as file:
        file.write(data)
    with (folder / file_name(0, OUT, "idx")).open("ab") as file:
        file.write(struct.pack(">QQ", log.stat().st_size, int(at * 1e9)))


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    web, db = tmp_path / "7-web", tmp_path / "8-db"
    written(web, b"".join(b"line %d\n" % number for number in range(100)), at=NOW - 100)
    written(db, b"\x1b[31mhello\x1b[2J\n", at=NOW - 50)
    written(web, b"caf\xc3\xa9 \xff end", at=NOW - 10)
    return FakeWorld(
        instance(7, "web", log_dir=str(web)), instance(8, "db", log_dir=str(db)), instance(9, "x")
    )


async def test_one_target_gives_its_last_lines_raw(world: FakeWorld) -> None:
    said = await say(world, "log 7", terminal=Terminal(ascii=False))
    lines = said.out.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (50, "line 51", "café \ufffd end")


@pytest.mark.parametrize(
    "options, count",
    [
        ("-n 3", 3),
        ("-n0", 0),
        ("-n 1000", 101),
        ("--since 20", 1),
        ("--since 200 -n 3", 3),
        ("--since 20 -n 3", 1),
        ("--since 200 -n 3 --grep line", 3),
    ],
)
async def test_how_many_lines_is_told(world: FakeWorld, options: str, count: int) -> None:
    assert len((await say(world, f"log 7 {options}", terminal=PIPE)).out.splitlines()) == count


async def test_grep_searches_all_that_is_kept(world: FakeWorld) -> None:
    assert (await say(world, "log 7 --grep ^line.1$", terminal=PIPE)).out == "line 1\n"
    assert (await say(world, "log 7 --grep line -n 2", terminal=PIPE)).out == "line 98\nline 99\n"
    assert (await say(world, "log 7 --grep (", terminal=PIPE)).code == ExitCode.USAGE


async def test_several_are_interleaved_by_time_with_a_prefix(world: FakeWorld) -> None:
    said = await say(world, "log -n 2", terminal=PIPE)
    assert [line.partition("|")[0] for line in said.out.splitlines()] == ["[7] web ", "[8] db  ", "[7] web "]


async def test_an_apps_tricks_do_not_reach_the_terminal(world: FakeWorld) -> None:
    assert (await say(world, "log 8")).out == "\x1b[31mhello\x1b[0m\n"
    assert (await say(world, "log 8", terminal=PIPE)).out == "\x1b[31mhello\x1b[2J\n"


async def test_lines_are_data_too(world: FakeWorld) -> None:
    (row,) = (await say(world, "log 8 -o json")).json()
    assert row == {"id": 8, "name": "db", "stream": "out", "time": NOW - 50, "text": "\x1b[31mhello\x1b[2J"}
    assert (await say(world, "log 7 -n 2 -o jsonl")).out.count("\n") == 2


async def test_an_app_without_output_gives_nothing(world: FakeWorld) -> None:
    said = await say(world, "log 9")
    assert (said.code, said.out) == (0, "")


async def test_merged_stderr_is_told(world: FakeWorld) -> None:
    said = await say(world, "log 7 --err")
    assert "stderr is merged" in said.err


async def test_following_shows_each_line_as_it_comes(world: FakeWorld, tmp_path: Path) -> None:
    sink = Sink()
    context = Context(table=world.table, world=world, sink=sink)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(["log", "8", "-f", "--grep", "o"], context))
        while not sink.outs:
            await asyncio.sleep(0.001)
        written(tmp_path / "8-db", b"no match\nwell\nworld\n", at=NOW)
        for bell in world.fake.bells[8]:
            bell()
        while "".join(sink.outs).count("\n") < 3:
            await asyncio.sleep(0.001)
        task.cancel()
    assert "".join(sink.outs).endswith("no match\nworld\n")
    assert world.fake.bells[8] == []


@pytest.mark.parametrize("options", ["", "-n 5", "-f", "-o json"])
async def test_an_expression_without_end_is_refused(world: FakeWorld, tmp_path: Path, options: str) -> None:
    written(tmp_path / "8-db", b"a" * 60 + b"!\n", at=NOW)
    said = await say(world, f"log 8 --grep (a+)+$ {options}")
    assert (said.code, "takes too long" in said.err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("options", ["--grep nothing", "--grep nothing -n 5", "--grep nothing -o json"])
async def test_a_long_search_leaves_the_daemon_its_turns(
    world: FakeWorld, tmp_path: Path, options: str
) -> None:
    written(tmp_path / "8-db", b"a line of some length\n" * 20_000, at=NOW)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        await say(world, f"log 8 {options}")
        task.cancel()
    assert turns > 5


FAR = "ab" * 32


@pytest.mark.parametrize("options", ["-n 1000 -o json", "--since 1d -o yaml", "-n 1000 --grep line"])
async def test_another_host_has_so_many_lines_kept_for_it_and_no_more(
    world: FakeWorld, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FAR_LINES_MAX", 90)
    said = await say(world, f"log 7 {options}", actor=FAR)
    assert said.code == ExitCode.FAILED
    assert "more than 90 lines at once are not for another host" in said.err
    assert (await say(world, f"log 7 {options}")).code == 0


@pytest.mark.parametrize("options", ["-n 50 -o json", "-n 1000 -o jsonl", "-n 1000", "-n 3 --grep line"])
async def test_what_is_shown_line_by_line_has_no_bound(
    world: FakeWorld, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FAR_LINES_MAX", 90)
    assert (await say(world, f"log 7 {options}", actor=FAR)).code == 0


async def test_an_expression_of_another_host_costs_less_at_most(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[float] = []

    class Tried(Search):
        def __init__(self, pattern: str, *, budget_s: float) -> None:
            budgets.append(budget_s)
            super().__init__(pattern, budget_s=budget_s)

    monkeypatch.setattr(logs, "Search", Tried)
    for actor in ("local", FAR):
        assert (await say(world, "log 7 --grep line", actor=actor)).code == 0
    assert budgets == [LINE_BUDGET_S, logs.FAR_BUDGET_S]
    assert budgets[1] < budgets[0]
