from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.verbs.core import builtin
from viscript.verbs.parse import Parsed, parse, wanted_format
from viscript.verbs.synopsis import synopsis
from viscript.verbs.table import Arg, Option, Table, Verb

TABLE: Table = builtin()


def args(line: str) -> dict[str, Any]:
    return parse(TABLE, line.split()).args


def refused(line: str) -> VerbError:
    with pytest.raises(VerbError) as caught:
        parse(TABLE, line.split())
    assert caught.value.code is ExitCode.USAGE
    return caught.value


def test_a_verb_has_several_spellings() -> None:
    assert {parse(TABLE, [word, "7"]).verb.name for word in ("shutdown", "sd", "stop")} == {"shutdown"}


def test_options_have_their_defaults() -> None:
    assert args("ping 7") == {"target": "7", "count": 1, "interval": 0.1}


@pytest.mark.parametrize(
    "line", ["ping 7 -c 5", "ping -c 5 7", "ping 7 -c5", "ping 7 --count=5", "ping 7 --count 5", "p -c5 7"]
)
def test_an_option_counts_anywhere(line: str) -> None:
    assert args(line)["count"] == 5


def test_flags_and_one_value_are_bundled() -> None:
    found = args("log 7 -fn5")
    assert (found["follow"], found["lines"]) == (True, 5)


def test_the_app_gets_options_that_start_does_not_know() -> None:
    found = args("s -n foo web -addr :80 -e A=1 --verbose -x -- -n bar --help")
    assert found["app"] == "web"
    assert found["arguments"] == ("-addr", ":80", "--verbose", "-x", "-n", "bar", "--help")
    assert (found["name"], found["env"]) == ("foo", ("A=1",))


def test_the_output_format_counts_behind_the_apps_arguments() -> None:
    parsed = parse(TABLE, ["s", "apptracker", "127.0.0.1:20000", "-o", "json"])
    assert parsed.format == "json"
    assert parsed.args["arguments"] == ("127.0.0.1:20000",)


def test_an_apps_option_is_never_taken_for_a_bundle() -> None:
    found = args("s web -name x -attach -n5")
    assert found["arguments"] == ("-name", "x", "-attach", "-n5")
    assert found["name"] is None
    assert found["attach"] is False


def test_help_before_the_app_is_for_start_and_behind_it_for_the_app() -> None:
    assert parse(TABLE, ["s", "--help"]).help
    assert args("s web --help")["arguments"] == ("--help",)


def test_an_unknown_option_before_the_app_is_an_error() -> None:
    assert "before APP" in refused("s --nmae x web").text


def test_with_options_first_all_behind_the_first_argument_is_taken_as_it_is() -> None:
    table = Table()
    flag = Option(flags=("-t",), name="tty", flag=True)
    args_ = (Arg(name="peer"), Arg(name="command", rest=True, required=False))
    table.add(Verb(name="far", summary="s", args=args_, options=(flag,), reads=False, options_first=True))
    found = parse(table, ["far", "-t", "mike", "ls", "-t", "--help", "--", "-h"]).args
    assert found == {"tty": True, "peer": "mike", "command": ("ls", "-t", "--help", "--", "-h")}
    assert parse(table, ["far", "mike"]).args["tty"] is False
    assert parse(table, ["far", "--help", "mike"]).help
    far = table.get("far")
    assert far is not None
    assert synopsis(far) == "far [-t] PEER [COMMAND...]"


def test_the_output_format_may_stand_before_the_verb() -> None:
    assert parse(TABLE, ["-o", "json", "la"]).format == "json"
    assert parse(TABLE, ["--output=yaml", "la"]).format == "yaml"


def test_verbs_of_two_words_are_found() -> None:
    assert parse(TABLE, ["daemon", "status"]).verb.name == "daemon status"
    assert parse(TABLE, ["daemon"]).verb.name == "daemon"
    assert parse(TABLE, ["pl", "show", "x"]).verb.name == "plugins show"


@pytest.mark.parametrize(
    "line, part",
    [
        ("", "no verb"),
        ("pnig 7", 'unknown verb "pnig"'),
        ("config", "must follow"),
        ("config chek", 'unknown verb "config chek"'),
        ("daemon restart", 'unknown verb "daemon restart" (known: '),
        ("ping", "missing TARGET"),
        ("ping 7 8", 'unexpected argument "8"'),
        ("ping 7 -x", 'unknown option "-x"'),
        ("ping 7 -c", "-c needs a value"),
        ("ping 7 -c x", "-c: expected a whole number"),
        ("ping 7 -c 0", "at least 1"),
        ("la --full=1", "takes no value"),
        ("la -o xml", "expected one of table"),
        ("signal 7", "missing"),
        ("signal 7 FOO", "SIGNAL: expected a signal"),
        ("wait 7 --for sleeping", "expected one of stopped"),
        ("sd --grace -- 7", "expected a time"),
    ],
)
def test_a_mistake_is_told_in_one_line(line: str, part: str) -> None:
    error = refused(line)
    assert part in error.text
    assert "\n" not in error.text


def test_suggestions_follow_what_was_mistyped() -> None:
    assert refused("pnig 7").suggestions[0] == "ping"
    assert refused("config chek").suggestions == ("config check",)
    assert refused("daemon restart").suggestions == ("daemon upgrade",)
    assert refused("daemon upgrad").suggestions == ("daemon upgrade",)
    assert refused("daemon start").suggestions == ("daemon --detach",)
    assert refused("ping 7 --cuont 5").suggestions[0] == "--count"


def test_the_last_argument_is_left_for_what_needs_it() -> None:
    assert args("signal 7 8 HUP") == {"targets": ("7", "8"), "signal": 1, "tree": False}


def test_a_negative_number_is_no_option() -> None:
    assert args("rpc 7 add -5")["params"] == -5


def test_typed_values_reach_the_call() -> None:
    assert args("wait 7 --for ready --timeout 2m") == {
        "targets": ("7",),
        "state": State.READY,
        "timeout": 120.0,
    }


@pytest.mark.parametrize(
    "line, wanted",
    [
        ("la -o json", "json"),
        ("la -ojsonl", "jsonl"),
        ("x --output=yaml", "yaml"),
        ("s a -- -o json", "table"),
    ],
)
def test_the_format_is_known_even_when_the_rest_is_wrong(line: str, wanted: str) -> None:
    assert wanted_format(line.split()) == wanted


WORDS = st.one_of(
    st.text(max_size=8), st.sampled_from([*TABLE.spellings(), "-o", "--", "-n", "-c5", "--x=1", "7", "-"])
)


@given(st.lists(WORDS, max_size=8))
def test_any_words_parse_or_are_a_usage_error(words: list[str]) -> None:
    found: Parsed | VerbError
    try:
        found = parse(TABLE, words)
    except VerbError as exc:
        found = exc
    if isinstance(found, VerbError):
        assert found.code is ExitCode.USAGE
        assert len(found.suggestions) <= 3


@pytest.mark.parametrize(
    "command, name, words",
    [
        ("ping m2/7 -c 3", "target", ["m2/7"]),
        ("-o json ping -c 3 m2/7", "count", ["-c", "3"]),
        ("-o json ping -c3 m2/7", "target", ["m2/7"]),
        ("plugins show mesh", "plugin", ["mesh"]),
        ("sd --grace=2s m2/7 m2/8", "targets", ["m2/7", "m2/8"]),
        ("signal a b HUP", "targets", ["a", "b"]),
        ("signal a b HUP", "signal", ["HUP"]),
        ("s --host m2 -e A=1 web -e B=2 -- --port 80", "at_host", ["--host", "m2"]),
        ("s --host m2 -e A=1 web -e B=2 -- --port 80", "env", ["-e", "A=1", "-e", "B=2"]),
        ("s web -x 1 -- --port 80", "arguments", ["-x", "1", "--port", "80"]),
        ("log -fn5 web", "lines", ["-fn5"]),
    ],
)
def test_it_is_known_which_words_gave_a_value(command: str, name: str, words: list[str]) -> None:
    argv = command.split()
    places = parse(builtin(), argv).places
    assert [argv[at] for at in places[name]] == words


def test_a_program_is_run_on_another_host_by_on() -> None:
    with pytest.raises(VerbError, match="on another host: on HOST run"):
        parse(builtin(), ["run", "-H", "beta", "--", "web"])
