"""Promise: the same fault gives the same code, for every verb of the table, one-shot, with -c and piped."""

import json
import shlex
from collections.abc import Callable, Iterator

import pytest

from tests.support.home import Answer, ScratchHome
from tests.support.programs import SLEEP, config
from viscript.verbs.core import VERBS
from viscript.verbs.table import Verb

Mode = Callable[[ScratchHome, list[str]], Answer]

MODES: dict[str, Mode] = {
    "one-shot": lambda home, argv: home.viscript(*argv),
    "-c": lambda home, argv: home.viscript("-c", shlex.join(argv)),
    "piped": lambda home, argv: home.viscript(stdin=shlex.join(argv) + "\n"),
}
DAEMONS = [verb for verb in VERBS if verb.where == "daemon"]
STREAMS_FOR_EVER = {"top"}

# A value that each kind of argument takes; what is missing here takes any word.
GOOD = {"int": "1", "float": "1", "seconds": "1", "size": "1", "json": "{}", "signal": "TERM", "target": "1"}


def words(verb: Verb, *, first: str | None = None) -> list[str]:
    """The verb with the arguments it cannot do without; the first may be given."""
    given = [GOOD.get(arg.kind, "x") for arg in verb.args if arg.required]
    if first is not None:
        given = [first, *given[1:]]
    return [*verb.name.split(), *given]


def of_kind(kind: str) -> Iterator[Verb]:
    """The daemon's verbs whose first argument is of that kind."""
    return (verb for verb in DAEMONS if verb.args and verb.args[0].kind == kind)


def wrong(home: ScratchHome, mode: str, cases: dict[str, tuple[list[str], int]]) -> list[str]:
    """What did not answer with the code it should, in words and without a traceback."""
    found = []
    for name, (argv, code) in cases.items():
        answer = MODES[mode](home, argv)
        if answer.code != code:
            found.append(f"{name}: {answer.code} in place of {code}: {answer.err or answer.out}")
        elif "Traceback" in answer.out + answer.err or not (answer.out + answer.err).strip():
            found.append(f"{name}: said {answer.out!r} {answer.err!r}")
    return found


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    """A daemon, an app that runs, 1, and one that has ended, 2."""
    scratch_home.start_daemon(config({"nap": SLEEP, "job": {"command": ["true"]}}))
    scratch_home.viscript("s", "nap", "--no-wait").ok()
    scratch_home.viscript("s", "job").ok()
    return scratch_home


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_target_is_5(home: ScratchHome, mode: str) -> None:
    cases = {verb.name: (words(verb, first="no-such-app"), 5) for verb in of_kind("target")}
    cases |= {f"{verb.name} by id": (words(verb, first="999"), 5) for verb in of_kind("target")}
    assert len(cases) > 20
    assert wrong(home, mode, cases) == []


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_app_is_5(home: ScratchHome, mode: str) -> None:
    cases = {verb.name: (words(verb, first="no-such-app"), 5) for verb in of_kind("app")}
    assert "start" in cases
    assert wrong(home, mode, cases) == []


@pytest.mark.parametrize("mode", MODES)
def test_wrong_use_is_2(home: ScratchHome, mode: str) -> None:
    strict = [verb for verb in DAEMONS if not (verb.passes_unknown or verb.options_first)]
    cases = {f"{verb.name}: option": ([*words(verb), "--no-such-option"], 2) for verb in strict}
    cases |= {
        f"{verb.name}: nothing": (verb.name.split(), 2)
        for verb in DAEMONS
        if verb.args and verb.args[0].required
    }
    cases |= {f"{verb.name}: format": ([*words(verb), "-o", "xml"], 2) for verb in strict if verb.reads}
    cases["no such verb"] = (["no-such-verb"], 2)
    assert wrong(home, mode, cases) == []


@pytest.mark.parametrize("mode", MODES)
def test_no_daemon_is_4(scratch_home: ScratchHome, mode: str) -> None:
    alone = {"help"}  # answers from the table: somebody new has no daemon yet
    cases = {verb.name: (words(verb), 4) for verb in DAEMONS if verb.name not in alone}
    assert wrong(scratch_home, mode, cases) == []


@pytest.mark.parametrize("mode", MODES)
def test_faults_of_the_world_have_their_codes(home: ScratchHome, mode: str) -> None:
    file = home.root / "bad.yaml"
    file.write_text("apps: {x: {comand: 1}}\n")
    cases = {
        "ping of what has ended": (["ping", "2"], 3),
        "usage of what has ended": (["ru", "2"], 3),
        "status of what has ended badly": (["signal", "2", "TERM"], 3),
        "a configuration that is wrong": (["config", "check", str(file)], 6),
        "a wait that ends first": (["wait", "1", "--for", "done", "--timeout", "0.1"], 8),
        "a method of a plain program": (["rpc", "1", "find"], 3),
    }
    assert wrong(home, mode, cases) == []


@pytest.mark.parametrize("mode", MODES)
def test_success_is_0_and_a_script_has_the_code_of_its_first_fault(home: ScratchHome, mode: str) -> None:
    for argv in (["ping", "1"], ["la"], ["apps"], ["ru", "1"], ["why", "2"], ["sd", "2"], ["events"]):
        assert MODES[mode](home, argv).code == 0
    lines = "la\nping 2\nno-such-verb\n"
    assert home.viscript(stdin=lines).code == 3
    assert home.viscript("-c", lines.replace("\n", ";")).code == 3
    kept_going = home.viscript("--keep-going", stdin=lines)
    assert kept_going.code != 0
    assert 'unknown verb "no-such-verb"' in kept_going.err


@pytest.mark.parametrize("mode", MODES)
def test_json_errors_are_json_on_stdout_and_a_sentence_on_stderr(home: ScratchHome, mode: str) -> None:
    reads = [verb for verb in of_kind("target") if verb.reads and verb.name not in STREAMS_FOR_EVER]
    for verb in reads:
        answer = MODES[mode](home, [*words(verb, first="no-such-app"), "-o", "json"])
        error = json.loads(answer.out)["error"]
        assert set(error) >= {"code", "text", "detail", "suggestions"}
        assert error["code"] == answer.code == 5
        assert len(error["suggestions"]) <= 3
        assert error["text"] in answer.err
