"""A plugin's verb runs verbs of the table and gets their data, or their error."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.plugins import Pages, call
from viscript.errors import ExitCode, VerbError
from viscript.pluginhost import running
from viscript.pluginhost.entries import DaemonPort
from viscript.pluginhost.running import as_json, run_verb
from viscript.verbs.table import Call, Role, Verb

ASKING = Verb(name="asking", summary="s")


def asked(world: Any) -> Call:
    plain = call(ASKING, Pages())
    return Call(verb=ASKING, args={}, world=world, writer=plain.writer)


async def test_the_answer_is_the_data_of_the_verb() -> None:
    apps = await run_verb(["apps"], asked(FakeWorld()))
    assert "apptracker" in [app["name"] for app in apps]


async def test_the_error_is_the_error_of_the_verb() -> None:
    with pytest.raises(VerbError) as caught:
        await run_verb(["start", "apptrackr"], asked(FakeWorld()))
    assert caught.value.code == ExitCode.NOT_FOUND
    assert caught.value.suggestions == ("apptracker",)
    with pytest.raises(VerbError, match="needs the daemon"):
        await run_verb(["la"], asked(None))


async def test_the_format_is_never_an_argument_of_the_app() -> None:
    world = FakeWorld(instance(7, "web"))
    assert (await run_verb(["la"], asked(world)))[0]["id"] == 7
    await run_verb(["s", "web", "--", "--port", "80"], asked(world))
    (started,) = [words for words in world.fake.asked if words[0] == "start"]
    assert "json" not in repr(started)
    assert "--port" in repr(started)


async def test_an_answer_that_is_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_TEXT", 10)
    with pytest.raises(VerbError):
        await run_verb(["apps"], asked(FakeWorld()))


def test_the_format_stands_where_no_argument_can_hide_it() -> None:
    table = FakeWorld().table
    assert as_json(table, ["start", "x", "--", "-o"]) == ["start", "-o", "json", "x", "--", "-o"]
    assert as_json(table, ["config", "show"]) == ["config", "show", "-o", "json"]
    assert as_json(table, ["la"]) == ["la", "-o", "json"]


async def test_a_verb_runs_others_in_the_role_of_its_caller_but_may_ask_its_app() -> None:
    world = FakeWorld(instance(7, "web"))
    viewer = replace(asked(world), role=Role.VIEW, actor="ab" * 32)
    assert (await run_verb(["la"], viewer))[0]["id"] == 7
    with pytest.raises(VerbError) as refused:
        await run_verb(["sd", "7"], viewer)
    assert refused.value.code == ExitCode.NOT_PERMITTED
    port = DaemonPort(viewer, run_verb)
    assert await port.ask("rpc", ["7", "find", None, None]) == {"method": "find", "params": None}
    with pytest.raises(VerbError, match="needs the role operate"):
        await port.ask("run", ["rpc", "7", "find"])
