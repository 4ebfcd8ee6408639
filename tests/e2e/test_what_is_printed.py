"""Pipes, colours, formats and typos: what reaches stdout and stderr, byte by byte."""

import json
import random
import string

import pytest

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config
from viscript.verbs.core import VERBS

ESC = "\x1b"
TYPOS = 1000


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    """A daemon with one app that runs and one that does not."""
    scratch_home.start_daemon(config({"nap": SLEEP, "bad": {"path": "bin/none"}}))
    scratch_home.viscript("s", "nap", "--no-wait").ok()
    return scratch_home


def test_a_pipe_gets_no_prompt_no_banner_and_no_control_byte(home: ScratchHome) -> None:
    done = home.viscript(stdin="# a comment\n\nla\nping nap\nhelp\nlog nap\n")
    assert done.code == 0
    assert done.err == ""
    assert ">" not in done.out.splitlines()[0]
    assert [byte for byte in done.out if ord(byte) < 32 and byte != "\n"] == []


def test_a_pipe_stops_at_the_first_fault_unless_it_is_to_go_on(home: ScratchHome) -> None:
    lines = "la -o name\nping 99\napps -o name\n"
    stopped = home.viscript(stdin=lines)
    assert (stopped.code, stopped.out) == (5, "1\n")
    went_on = home.viscript("--keep-going", stdin=lines)
    assert went_on.code == 5
    assert "bad" in went_on.out


@pytest.mark.parametrize(
    "argv,env,colour",
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color=always",), {"NO_COLOR": "1"}, True),
        (("--color", "auto"), {"NO_COLOR": ""}, False),
        (("--color", "never"), {}, False),
    ],
)
def test_colour_is_for_who_asked(
    home: ScratchHome, argv: tuple[str, ...], env: dict[str, str], colour: bool
) -> None:
    done = home.viscript(*argv, "la", env=env).ok()
    assert (ESC in done.out) is colour
    assert ESC not in home.viscript(*argv, "la", "-o", "json", env=env).ok().out


def test_a_narrow_and_a_wide_screen(home: ScratchHome) -> None:
    assert max(map(len, home.viscript("la", env={"COLUMNS": "80"}).ok().out.splitlines())) <= 80
    wide = home.viscript("la", "-o", "wide", env={"COLUMNS": "200"}).ok().out
    assert len(wide.splitlines()[0]) > 80


def test_a_locale_that_is_not_utf8_gets_ascii(home: ScratchHome) -> None:
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for argv in (("la",), ("help",), ("help", "start"), ("ping", "99"), ("doctor",)):
        done = home.viscript(*argv, env=plain)
        assert (done.out + done.err).isascii()
        assert "Traceback" not in done.err


@pytest.mark.parametrize("shape", ["json", "jsonl", "yaml", "table", "wide", "name"])
def test_every_format_of_the_list(home: ScratchHome, shape: str) -> None:
    out = home.viscript("la", "-o", shape).ok().out
    if shape == "name":
        assert out == "1\n"
        return
    assert "nap" in out
    if shape.startswith("json"):
        assert json.loads(out)


def mistyped(word: str, rng: random.Random) -> str:
    """The word with one letter left out, doubled, changed or swapped with the next."""
    at = rng.randrange(len(word))
    letter = rng.choice(string.ascii_lowercase)
    return rng.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
        ]
    )


def test_a_thousand_typos_get_one_line_and_the_right_suggestion_first(home: ScratchHome) -> None:
    rng, caller = random.Random(12), Caller(home)
    daemons = [verb for verb in VERBS if verb.where == "daemon" and " " not in verb.name]
    known = {spelling for verb in VERBS for spelling in (verb.name, *verb.aliases)}
    known |= {spelling.split()[0] for spelling in known}
    words = [verb.name for verb in daemons if len(verb.name) > 3]
    meant = right = 0
    while meant < TYPOS:
        word = rng.choice(words)
        typo = mistyped(word, rng)
        if typo in known or not typo:
            continue
        meant += 1
        answer = caller.ask(typo, "-o", "json")
        assert answer.code == 2
        assert "Traceback" not in answer.err
        assert len(answer.err.splitlines()) == 1
        suggestions = json.loads(answer.out)["error"]["suggestions"]
        assert len(suggestions) <= 3
        right += bool(suggestions) and suggestions[0] == word
    assert right >= 0.9 * TYPOS, f"{right} of {meant}"
