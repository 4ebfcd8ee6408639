import logging
from typing import Any

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import Sink, say
from viscript.errors import ExitCode
from viscript.pluginhost.spec import PluginRecord
from viscript.verbs.run import Context, run
from viscript.verbs.table import Call, Outcome, Verb


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"))


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
async def test_an_error_is_data_on_stdout_and_a_sentence_on_stderr(world: FakeWorld, form: str) -> None:
    said = await say(world, f"ping 70 -o {form}")
    assert said.code == ExitCode.NOT_FOUND
    assert "error" in said.out
    assert said.err.startswith("no app with id 70")


@pytest.mark.parametrize("command", ["pnig -o json", "ping -o json", "ping 7 -x -o json", "config -o json"])
async def test_usage_errors_are_data_too(world: FakeWorld, command: str) -> None:
    assert (await say(world, command)).json()["error"]["code"] == ExitCode.USAGE


async def test_an_unknown_verb_names_the_plugin_that_may_have_brought_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "plugin" not in (await say(world, "pnig 7")).err
    broken = PluginRecord(name="mesh", kind="file", state="broken")
    monkeypatch.setattr(world.plugins, "records", lambda: [broken])
    said = await say(world, "pnig 7")
    assert said.code == ExitCode.USAGE
    assert said.err.startswith(
        'unknown verb "pnig"; plugin mesh is broken: `plugins show mesh` (did you mean'
    )


async def test_people_get_the_sentence_only(world: FakeWorld) -> None:
    assert (await say(world, "ping 70")).out == ""


async def test_a_bug_is_one_line_and_its_traceback_goes_to_the_log(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        said = await say(world, "rpc 7 boom")
    assert said.code == ExitCode.FAILED
    assert said.err == "rpc: failed inside viscript (RuntimeError: boom); the daemon's log has more\n"
    assert caplog.records[0].exc_info


async def test_the_prompts_own_verbs_say_where_they_work(world: FakeWorld) -> None:
    said = await say(world, "focus 1")
    assert (said.code, "at the prompt" in said.err) == (ExitCode.USAGE, True)


async def test_notes_go_to_stderr(world: FakeWorld) -> None:
    assert (await say(world, "apply --dry-run")).code == ExitCode.USAGE


@pytest.mark.parametrize(
    "mode, allowed",
    [("oneshot", True), ("repl", True), ("script", False), ("piped", False), ("api", False)],
)
async def test_a_program_runs_where_the_caller_has_its_terminal_to_itself(
    world: FakeWorld, mode: Any, allowed: bool
) -> None:
    async def names(call: Call) -> Outcome:
        return Outcome(program=("/bin/true",))

    world.table.add(Verb(name="nc", summary="s", handler=names, reads=False))
    ran = await run(["nc"], Context(table=world.table, world=world, sink=Sink(), mode=mode))
    assert (ran.code, ran.program) == ((0, ("/bin/true",)) if allowed else (2, ()))
