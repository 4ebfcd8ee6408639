import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.far_hosts import state
from viscript.cluster.far.route import Leg, in_form, route
from viscript.cluster.links.api import HostState
from viscript.errors import ExitCode, VerbError
from viscript.verbs.core import builtin
from viscript.verbs.parse import parse

TABLE = builtin()
HOSTS = [state("m1", local=True), state("m2", labels={"role": "edge"}), state("m3", labels={"role": "edge"})]


def way(command: str, *, hosts: Any = HOSTS, default: str = "") -> Any:
    argv = command.split()
    found = route(parse(TABLE, argv), argv, lambda: hosts, label="m1", default=default)
    if found is None:
        return None
    return {leg.host.label: " ".join(leg.argv) for leg in found.legs}, found.single


@pytest.mark.parametrize(
    "command",
    [
        "ping 7",
        "sd all",
        "ping m1/7",
        "ping localhost/7",
        "la --host m1",
        "ping --help m2/7",
        "config schema",
    ],
)
def test_most_commands_stay_here(command: str) -> None:
    assert way(command) is None
    assert way(command, hosts=[]) is None


@pytest.mark.parametrize(
    "command, legs, single",
    [
        ("ping m2/7", {"m2": "ping 7"}, True),
        ("la -H m2 -o json", {"m2": "la"}, True),
        ("-o json ping -c 3 m2/web", {"m2": "ping -c 3 web"}, True),
        ("sd m2/7 m3/8 m2/9 --grace 2s", {"m2": "sd 7 9 --grace 2s", "m3": "sd 8 --grace 2s"}, False),
        ("sd 7 m2/8", {"m1": "sd 7", "m2": "sd 8"}, False),
        ("restart role=edge/web", {"m2": "restart web", "m3": "restart web"}, False),
        ("ru @all/web", {"m1": "ru web", "m2": "ru web", "m3": "ru web"}, False),
        ("ru 7 --host role=edge", {"m2": "ru 7", "m3": "ru 7"}, False),
        ("ru m1/7 3 --host m2", {"m1": "ru 7", "m2": "ru 3"}, False),
        ("s --host m2 web -- --port m3/7", {"m2": "s web -- --port m3/7"}, True),
        ("send m2/7 m2/7", {"m2": "send 7 m2/7"}, True),
        ("log m2/a/b", {"m2": "log a/b"}, True),
        ("events m2/daemon", {"m2": "events daemon"}, True),
    ],
)
def test_a_command_becomes_words_for_each_host(command: str, legs: dict[str, str], single: bool) -> None:
    assert way(command) == (legs, single)


def test_the_host_a_prompt_uses_is_meant_where_none_is_named() -> None:
    assert way("la", default="m2") == ({"m2": "la"}, True)
    assert way("ping 7", default="m2") == ({"m2": "ping 7"}, True)
    assert way("ping m3/7", default="m2") == ({"m3": "ping 7"}, True)
    assert way("ping m1/7", default="m2") is None
    assert way("la --host m1", default="m2") is None
    assert way("on m3 la", default="m2") is None
    assert way("config schema", default="m2") is None
    assert way("sd 7 m3/8", default="m2") == ({"m2": "sd 7", "m3": "sd 8"}, False)


@pytest.mark.parametrize("command", ["ping m2/", "ping /7", "sd 7 m3/"])
def test_half_a_target_is_none(command: str) -> None:
    for hosts in (HOSTS, []):
        with pytest.raises(VerbError, match="is no target") as wrong:
            way(command, hosts=hosts)
        assert wrong.value.code == ExitCode.USAGE


def test_targets_are_parted_by_blanks() -> None:
    with pytest.raises(VerbError, match='"m2/web,m3/db" is no target: blanks part') as wrong:
        way("sd 7 m2/web,m3/db")
    assert wrong.value.code == ExitCode.USAGE
    assert way("ping m2,m3/web") == ({"m2": "ping web", "m3": "ping web"}, False)


def test_a_host_for_targets_that_have_one_is_refused() -> None:
    with pytest.raises(VerbError, match="every target names its host") as wrong:
        way("ru m2/7 --host m3")
    assert wrong.value.code == ExitCode.USAGE


def test_a_stranger_is_not_found() -> None:
    for hosts in (HOSTS, []):
        for command in ("ping there/7", "la --host there"):
            with pytest.raises(VerbError, match="there") as wrong:
                way(command, hosts=hosts)
            assert wrong.value.code == ExitCode.NOT_FOUND


def test_the_form_of_the_answer_cannot_be_an_apps_word() -> None:
    leg = Leg(HOSTS[1], ("s", "web", "-o", "mine"))
    assert in_form(leg, "json", reads=True).argv == ("-o", "json", "s", "web", "-o", "mine")
    assert in_form(leg, "json", reads=False) == leg


TYPED = "ping sd la on s m2/7 m1/7 role=edge/web @all/ / 7 -H --host=m3 m2 -- -o json --grace 2s x/y/z -c"
WORDS = st.sampled_from(TYPED.split(" "))


@given(st.lists(WORDS, max_size=8), st.sampled_from(["", "m2", "gone", "@all"]))
def test_any_words_lead_somewhere_or_are_refused(argv: list[str], default: str) -> None:
    with contextlib.suppress(VerbError):
        found = route(parse(TABLE, argv), argv, lambda: HOSTS, label="m1", default=default)
        assert found is None or {leg.host.label for leg in found.legs} <= {"m1", "m2", "m3"}
        for leg in found.legs if found is not None else ():
            assert parse(TABLE, leg.argv).host == ""
            assert len(leg.argv) <= len(argv)


@pytest.mark.parametrize("command", ["la", "ping 7", "ping m1/7"])
def test_who_names_no_other_host_has_none_looked_up(command: str) -> None:
    def known() -> list[HostState]:
        raise AssertionError("a thousand hosts were listed")

    argv = command.split()
    assert route(parse(TABLE, argv), argv, known, label="m1") is None
