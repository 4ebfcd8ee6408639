"""Verb x fault x mode, driven by the table: the same fault gives the same code however it is asked."""

import random
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import Said, ask
from viscript.door.server import Door
from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.core import builtin
from viscript.verbs.table import Arg, Option, Verb

MODES = ("oneshot", "script", "piped", "repl")
GOOD = {
    "target": "7",
    "app": "apptracker",
    "signal": "HUP",
    "plugin": "helloworld",
    "int": "1",
    "seconds": "1",
}
VERBS = [verb for verb in builtin() if verb.where == "daemon"]


def words(verb: Verb, **instead: str) -> list[str]:
    """A correct command line, but for the arguments given."""
    required = [arg for arg in verb.args if arg.required]
    return [*verb.name.split(), *(instead.get(arg.kind, GOOD.get(arg.kind, "x")) for arg in required)]


def first(verb: Verb, kind: str) -> Arg | None:
    return next((arg for arg in verb.args if arg.kind == kind), None)


def typed(verb: Verb) -> Option | None:
    return next((one for one in verb.options if one.kind in ("int", "seconds", "state")), None)


def with_option(verb: Verb, *option: str) -> list[str]:
    """A correct command line with an option, where the verb takes options."""
    good = words(verb)
    if not verb.options_first:
        return [*good, *option]
    name = len(verb.name.split())
    return [*good[:name], *option, *([] if len(option) == 1 and option[0] != "--nope" else good[name:])]


def faults() -> list[tuple[str, list[str], ExitCode]]:
    """(name, command, code) of every fault every verb can meet."""
    found = [
        ("unknown verb", ["pnig", "7"], ExitCode.USAGE),
        ("unknown second word", ["config", "x"], ExitCode.USAGE),
    ]
    for verb in VERBS:
        good = words(verb)
        if len(good) > len(verb.name.split()):
            found.append(("missing argument", verb.name.split(), ExitCode.USAGE))
        if not verb.passes_unknown:
            found.append(("unknown option", with_option(verb, "--nope"), ExitCode.USAGE))
        if verb.reads:
            found.append(("bad format", with_option(verb, "-o", "xml"), ExitCode.USAGE))
        if not any(arg.many or arg.rest for arg in verb.args):
            found.append(("too many arguments", [*words(verb), *["1"] * 4], ExitCode.USAGE))
        if (option := typed(verb)) is not None:
            found.append(("bad type", with_option(verb, option.flags[-1], "x"), ExitCode.USAGE))
            found.append(("missing value", with_option(verb, option.flags[-1]), ExitCode.USAGE))
        if first(verb, "target") is not None:
            command = words(verb, target="70")
            found.append(("unknown id", command if "70" in command else [*command, "70"], ExitCode.NOT_FOUND))
        if (arg := first(verb, "app")) is not None and arg.required:
            found.append(("unknown app", words(verb, app="aptracker"), ExitCode.NOT_FOUND))
        if first(verb, "plugin") is not None:
            found.append(("unknown plugin", [*verb.name.split(), "nope"], ExitCode.NOT_FOUND))
    return [one for one in found if one[1][:2] != ["plugins", "reload"] or one[0] != "unknown plugin"]


@pytest.fixture
async def path(short_tmp: Path) -> AsyncIterator[Path]:
    world = FakeWorld(instance(7, "apptracker"), instance(8, "web", State.FATAL))
    async with Door(world, world.table, short_tmp / "d"):
        yield short_tmp / "d"


async def asked(path: Path, command: list[str], mode: str) -> Said:
    if mode == "script":
        return await ask(path, script=shlex.join(command), mode=mode)
    return await ask(path, argv=command, mode=mode)


@pytest.mark.parametrize("mode", MODES)
async def test_every_fault_of_every_verb_has_its_code_in_every_mode(path: Path, mode: str) -> None:
    wrong = []
    for name, command, code in faults():
        said = await asked(path, command, mode)
        if said.code != code or said.err.count("\n") != 1 or "Traceback" in said.out + said.err:
            wrong.append((name, command, said))
    assert not wrong


@pytest.mark.parametrize("mode", ["oneshot", "repl"])
async def test_every_fault_is_data_when_json_is_asked_for(path: Path, mode: str) -> None:
    for name, command, code in faults():
        if name in ("bad format", "missing value"):
            continue
        said = await asked(path, [*command, "-o", "json"], mode)
        takes_output = (verb := builtin().get(command[0])) is None or verb.reads
        if takes_output:
            assert (said.code, said.json()["error"]["code"]) == (code, code), (name, command)


async def test_a_thousand_typos_give_no_traceback(path: Path) -> None:
    chance = random.Random(11)
    spellings = builtin().spellings()
    letters = "abcdefghijklmnopqrstuvwxyz_-;'\"\\ \x1b\u00e9"
    for _ in range(1000):
        text = list(
            f"{chance.choice(spellings)} {chance.choice(['7', 'web', 'apptracker', '--now', '-o json', ''])}"
        )
        for _ in range(chance.randint(1, 3)):
            text[chance.randrange(len(text))] = chance.choice(letters)
        if "".join(text).split()[:1] in (["attach"], ["events"], ["wait"]):
            continue
        said = await ask(path, script="".join(text))
        assert said.code in set(ExitCode), text
        assert "Traceback" not in said.err
        assert "failed inside" not in said.err, text
        assert "\x1b" not in said.err
