from types import SimpleNamespace

import pytest

from tests.support.fake_world import FakeWorld, entry, instance
from tests.support.verbs import say
from viscript.config.model import Argument
from viscript.errors import ExitCode, VerbError
from viscript.pluginhost.spec import PluginRecord
from viscript.states import State
from viscript.verbs.starting import environment, instance_name

NO_NAMES = ("", "7", "all", "@web", "we*", "here/web", "..", "a\x1b[31m", "a\0", "x" * 200)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"), instance(8, "web#2"), instance(9, "bad"))


async def test_start_hands_everything_to_the_supervisor(world: FakeWorld) -> None:
    said = await say(world, "s apptracker :1 -n me -e A=1 -e B= --add -x")
    assert (said.code, said.out) == (0, "[10] me is running, pid 1010\n")
    assert world.fake.asked == [
        ("start", "apptracker", (":1", "-x"), "me", {"A": "1", "B": ""}, True, "started")
    ]


@pytest.mark.parametrize("option, wait", [("--no-wait", None), ("--wait-for=ready", State.READY)])
async def test_start_waits_as_told(world: FakeWorld, option: str, wait: str | None) -> None:
    await say(world, f"s {option} apptracker")
    assert world.fake.asked[0][-1] == wait


async def test_start_answers_with_the_public_facts(world: FakeWorld) -> None:
    said = await say(world, "s apptracker -o json")
    assert said.json() == {
        "id": 10,
        "generation": 1,
        "name": "apptracker",
        "app": "apptracker",
        "state": "running",
        "pid": 1010,
        "host": "here",
    }


async def test_a_start_that_fails_gives_the_reason_and_keeps_the_id(world: FakeWorld) -> None:
    said = await say(world, "s bad -o json")
    assert said.code == ExitCode.FAILED
    error = said.json()["error"]
    assert "Address already in use" in error["text"]
    assert error["data"]["id"] == 10
    assert error["suggestions"][0] == "why 10"


@pytest.mark.parametrize(
    "command, code",
    [
        ("s aptracker", ExitCode.NOT_FOUND),
        ("s --host there apptracker", ExitCode.NOT_FOUND),
        ("s --no-wait --wait-for ready apptracker", ExitCode.USAGE),
        ("s -e =x apptracker", ExitCode.USAGE),
        ("s -e x apptracker", ExitCode.USAGE),
        ("s -e VISCRIPT_SEQ=9 apptracker", ExitCode.USAGE),
        *((f"s apptracker --name={name}", ExitCode.USAGE) for name in NO_NAMES),
    ],
)
async def test_a_start_that_cannot_be_is_refused(world: FakeWorld, command: str, code: int) -> None:
    said = await say(world, command)
    assert (said.code, world.fake.asked) == (code, [])


@pytest.mark.parametrize(
    "words, name",
    [
        ("sockssrv0 :1", "sockssrv0"),
        ("sockssrv0 -n me", "me"),
        ("", None),
        ("-- --peer sockssrv0", None),
    ],
)
async def test_an_app_that_takes_its_name_first_is_called_so(
    world: FakeWorld, words: str, name: str | None
) -> None:
    world.fake.entries["socks"] = entry("socks", args=(Argument(name="name", type="name"),))
    await say(world, f"s socks {words}")
    assert world.fake.asked[0][3] == name


async def test_a_first_argument_that_is_no_name_is_refused(world: FakeWorld) -> None:
    world.fake.entries["socks"] = entry("socks", args=(Argument(name="name", type="name"),))
    said = await say(world, "s socks 127.0.0.1:5505")
    assert (said.code, world.fake.asked) == (ExitCode.USAGE, [])
    assert '[1] "127.0.0.1:5505": a name may hold letters' in said.err


async def test_a_mistyped_app_is_recognised(world: FakeWorld) -> None:
    assert "did you mean apptracker?" in (await say(world, "s aptracker")).err


async def test_this_host_may_be_named(world: FakeWorld) -> None:
    assert (await say(world, "s --host here apptracker")).code == 0


def test_the_value_of_a_variable_is_not_told_when_the_pair_is_wrong() -> None:
    with pytest.raises(VerbError) as caught:
        environment(("=secret",))
    assert "secret" not in caught.value.text


async def test_restart_of_one_gives_an_object_and_of_several_a_list(world: FakeWorld) -> None:
    assert (await say(world, "rs 7 -o json")).json()["generation"] == 2
    assert [row["id"] for row in (await say(world, "rs web* -o json")).json()] == [7, 8]


async def test_a_restart_that_fails_is_told(world: FakeWorld) -> None:
    said = await say(world, "rs 9")
    assert said.code == ExitCode.FAILED
    assert said.err.startswith("[9] bad did not start: exit 1")


async def test_several_restarts_tell_which_failed(world: FakeWorld) -> None:
    said = await say(world, "rs all")
    assert said.code == ExitCode.FAILED
    assert said.out.count("is running") == 2
    assert "[9] bad did not start" in said.err


async def test_a_rolling_restart_stops_at_the_first_failure(world: FakeWorld) -> None:
    world.fake.failing.add("web")
    said = await say(world, "rs --rolling all")
    assert [asked[1] for asked in world.fake.asked] == [7]
    assert "2 more were left as they are" in said.err


def test_a_number_behind_a_name_is_no_part_of_it() -> None:
    assert instance_name("web#2") == "web#2"


async def test_a_plugin_that_is_blocked_is_named_to_who_needs_an_app_of_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def investigate(*_: object) -> SimpleNamespace:
        text = "it needs visor, and no app is named 'visor'"
        return SimpleNamespace(text=text, conflict=None, cause="dependency", last_lines=())

    blocked = PluginRecord(name="mesh", kind="built-in", state="blocked")
    monkeypatch.setattr(world.plugins, "records", lambda: [blocked])
    monkeypatch.setattr("viscript.diagnose.why.investigate", investigate)
    told = (await say(world, "s bad")).err
    assert "did not start: it needs visor, and no app is named 'visor'; plugin mesh is blocked: `pl" in told


@pytest.mark.parametrize("command", ["s goodday", "apps"])
async def test_a_plugin_that_is_broken_is_named_to_who_misses_its_app(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    broken = PluginRecord(name="goodday", kind="file", state="broken")
    monkeypatch.setattr(world.plugins, "records", lambda: [broken])
    assert "plugin goodday is broken: `plugins show goodday`" in (await say(world, command)).err
