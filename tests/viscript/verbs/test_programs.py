from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.errors import ExitCode, VerbError
from viscript.verbs.programs import program


def test_a_program_is_looked_up_in_the_callers_path_and_folder(tmp_path: Path) -> None:
    tool = tmp_path / "my tool"
    tool.touch(mode=0o755)
    assert program(("my tool", "-x"), "/", str(tmp_path)).argv == (str(tool), "-x")
    entry = program(("./my tool",), str(tmp_path), None)
    assert (entry.name, entry.source, entry.folder) == ("my-tool", "run", str(tmp_path))


@pytest.mark.parametrize("name", ["nothing-like-it", "./nothing"])
def test_a_program_that_is_not_there_is_told_with_where_it_was_sought(name: str) -> None:
    with pytest.raises(VerbError, match="looked at") as caught:
        program((name,), "/nowhere", "/nowhere")
    assert caught.value.code is ExitCode.NOT_FOUND


async def test_run_starts_it_and_says_what_may_follow() -> None:
    world = FakeWorld()
    said = await say(world, "run -n nap -- /bin/sh -c true", cwd="/tmp")
    assert said.out == ("[1] nap is running, pid 1001\nnext: viscript log 1, viscript ru 1, viscript sd 1\n")
    assert world.fake.known[1].entry.argv == ("/bin/sh", "-c", "true")


async def test_at_the_prompt_run_says_what_can_be_typed_there() -> None:
    said = await say(FakeWorld(), "run -n nap -- /bin/sh -c true", cwd="/tmp", mode="repl")
    assert said.out.endswith("\nnext: log 1, ru 1, sd 1\n")


async def test_a_program_that_fails_is_told() -> None:
    world = FakeWorld()
    world.fake.failing.add("sh")
    said = await say(world, "run /bin/sh")
    assert said.code == ExitCode.FAILED


async def test_a_program_that_fails_names_who_holds_what_it_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def investigate(*_: object) -> SimpleNamespace:
        return SimpleNamespace(text="port 8000 is taken by nginx (pid 9)", conflict=object())

    monkeypatch.setattr("viscript.diagnose.why.investigate", investigate)
    world = FakeWorld()
    world.fake.failing.add("sh")
    assert "port 8000 is taken by nginx (pid 9)" in (await say(world, "run /bin/sh")).err


@pytest.mark.parametrize(
    "lines, told",
    [(("usage", "bad address", " "), "exit status 2, it wrote: bad address"), ((" ",), "in use")],
)
async def test_a_program_that_ends_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], told: str
) -> None:
    async def investigate(*_: object) -> SimpleNamespace:
        return SimpleNamespace(text="exit status 2", conflict=None, cause="exited", last_lines=lines)

    monkeypatch.setattr("viscript.diagnose.why.investigate", investigate)
    world = FakeWorld()
    world.fake.failing.add("sh")
    assert told in (await say(world, "run /bin/sh")).err


async def test_a_name_that_means_something_else_is_refused() -> None:
    world = FakeWorld()
    assert (await say(world, "run -n all -- /bin/sh", cwd="/tmp")).code == ExitCode.USAGE
    assert world.fake.asked == []
