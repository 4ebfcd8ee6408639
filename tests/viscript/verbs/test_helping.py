import pytest

from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.config.model import App, Argument
from viscript.errors import ExitCode
from viscript.supervisor.api import AppEntry
from viscript.verbs.core import builtin
from viscript.verbs.helping import app_page, index, verb_page


def test_the_index_holds_every_verb_on_a_line_of_its_own() -> None:
    lines = index(builtin()).text.splitlines()
    for verb in builtin():
        assert sum(line.startswith((f"  {verb.name} ", f"  {verb.name},")) for line in lines) >= 1, verb.name


def test_every_verb_has_a_page_with_all_its_options() -> None:
    for verb in builtin():
        text = verb_page(verb).text
        assert all(flag in text for option in verb.options for flag in option.flags)
        assert all(option.help or option.metavar for option in verb.options), verb.name


def test_the_page_of_an_app_shows_arguments_defaults_and_an_example() -> None:
    port = Argument(name="port", type="port", help="where", choices=("80", "81"))
    spec = App(path="x", desc="a server", args=(port,), help="[1] free\x1b[2J text", default_args=("80",))
    entry = AppEntry(name="web", source="config.yaml", spec=spec, argv=("x",), aliases=("w",))
    text = app_page(entry).text
    for part in ("a server", "Also: w", "80|81", "where", "[1] free\\x1b", "start web 80"):
        assert part in text


@pytest.mark.parametrize(
    "command, part",
    [
        ("help", "Looking:"),
        ("? ping", "ping TARGET"),
        ("help la", "list_apps"),
        ("help config", "config check"),
        ("help config check", "config check [FILE]"),
        ("help apptracker", "[1] listen address"),
        ("help targets", "web#2"),
        ("help exit-codes", "130"),
        ("ping --help", "ping TARGET"),
        ("ping 7 -h", "ping TARGET"),
    ],
)
async def test_help_knows_verbs_apps_and_topics(command: str, part: str) -> None:
    said = await say(FakeWorld(), command)
    assert (said.code, part in said.out) == (0, True)


async def test_the_page_of_a_verb_names_the_verbs_below_it() -> None:
    text = (await say(FakeWorld(), "help daemon")).out
    assert "See also: daemon" in text
    assert "daemon stop" in text
    assert "See also" not in (await say(FakeWorld(), "help ping")).out


async def test_a_mistyped_topic_is_recognised() -> None:
    said = await say(FakeWorld(), "help pnig")
    assert said.code == ExitCode.NOT_FOUND
    assert "ping" in said.err


async def test_help_is_data_too() -> None:
    assert (await say(FakeWorld(), "help ping -o json")).json()["kind"] == "verb"
