import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_world import FakeWorld, entry, instance
from tests.support.rosters import host, roster_of, vouched
from viscript.config.model import App
from viscript.door.complete import complete, quoted
from viscript.states import State
from viscript.supervisor.api import AppEntry, World
from viscript.verbs.table import Arg, Option, Verb

WORLD: World = FakeWorld(
    instance(7, "apptracker"),
    instance(8, "web", State.FATAL),
    instance(9, "two words", app="web", entry=entry("web", group="front")),
)


def offered(text: str, world: World = WORLD) -> list[str]:
    return [item["text"] for item in complete(text, len(text), world)["items"]]


def hint(text: str) -> Any:
    return complete(text, len(text), WORLD)["hint"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("pin", ["ping"]),
        ("config sh", ["show"]),
        ("la; pin", ["ping"]),
        ("ping ", ["7", "9", "apptracker", '"two words"', "@front", "all"]),
        ("why ", ["7", "8", "9", "apptracker", "web", '"two words"', "@front", "all"]),
        ("ping app", ["apptracker"]),
        ("ping tracker", ["apptracker"]),
        ("s app", ["apptracker"]),
        ("s apptracker ", ["127.0.0.1:20000"]),
        ("la -o js", ["json", "jsonl"]),
        ("sd 7 --g", ["--grace"]),
        ("wait 7 --for rea", ["ready"]),
        ("signal 7 HU", ["HUP"]),
        ("sd 7 9 ", ["apptracker", '"two words"', "@front", "all"]),
        ("help exi", ["exit", "exit-codes"]),
        ("plugins show ", ["helloworld"]),
        ("completion z", ["zsh"]),
        ("xyz ", []),
    ],
)
def test_what_fits_is_offered(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


def test_behind_the_first_argument_no_options_are_offered_where_they_come_first() -> None:
    world = FakeWorld()
    flag = Option(flags=("--tty",), name="tty", flag=True)
    args = (Arg(name="peer"), Arg(name="command", rest=True, required=False))
    world.table.add(
        Verb(name="far", summary="s", args=args, options=(flag,), reads=False, options_first=True)
    )
    assert offered("far --t", world) == ["--tty"]
    assert offered("far mike --t", world) == []


def test_everything_begins_with_the_verbs() -> None:
    assert {"ping", "start", "config", "daemon"} <= set(offered(""))


def test_an_id_tells_app_and_state() -> None:
    (item,) = complete("ping 7", 6, WORLD)["items"]
    assert item == {"text": "7", "display": "7", "meta": "apptracker running", "start": 5}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("ping ", "TARGET [-c N] [-i S]"),
        ("ping 7 -c ", "N"),
        ("s apptracker ", "[ADDRESS]"),
        ("signal 7 ", "SIGNAL"),
        ("sd 7 ", "TARGETS..."),
        ("pin", ""),
    ],
)
def test_the_hint_shows_what_may_follow(text: str, expected: str) -> None:
    assert hint(text) == expected


def test_a_thousand_apps_are_completed_within_50_ms() -> None:
    world = FakeWorld(*(instance(seq, f"app-{seq}") for seq in range(1, 1001)))
    times, found = [], [""]
    for _ in range(5):
        start = time.thread_time()
        found = offered("ping 99", world)
        times.append(time.thread_time() - start)
    assert found[:2] == ["99", "990"]
    assert min(times) < 0.05


def test_words_are_quoted_where_they_must_be() -> None:
    assert quoted("plain") == "plain"
    assert quoted('a "b" \\') == '"a \\"b\\" \\\\"'
    assert quoted("") == '""'


@given(st.text(), st.integers(min_value=-5, max_value=100))
def test_any_text_is_completed(text: str, cursor: int) -> None:
    found = complete(text, cursor, WORLD)
    assert set(found) == {"items", "hint"}


@given(st.lists(st.sampled_from(["s", "ping", "web", "-n", "--", "-o", "7", "config", "run", "-x", ""])))
def test_any_words_are_completed(words: list[str]) -> None:
    assert isinstance(complete(" ".join(words), 1000, WORLD)["items"], list)


def test_what_an_app_is_called_and_does_is_one_harmless_line() -> None:
    app = entry("web", desc="\x1b]0;title\x07 serves\nthe web")
    world = FakeWorld(instance(7, "web", entry=app))
    world.fake.entries["web"] = app
    items = complete("start w", 7, world)["items"]
    assert [item["meta"] for item in items if item["text"] == "web"]
    assert all(item["meta"].isprintable() and item["display"].isprintable() for item in items)


def test_hosts_of_the_cluster_are_offered_and_this_one_is_not() -> None:
    cluster, here, there = host(0), host(1), host(2)
    records = (vouched(here, cluster, label="alpha"), vouched(there, cluster, label="beta"))
    world = FakeWorld()
    world.book = SimpleNamespace(roster=roster_of(cluster, *records), identity=here)
    assert offered("host forget ", world) == ["beta"]
    world.book = SimpleNamespace(roster=None, identity=here)
    assert offered("host forget ", world) == []
    assert offered("host forget ") == []


def test_the_hint_hides_secrets() -> None:
    spec = App(command=("x",), default_args=("--token=abcdef", "--password", "geheim", "-v"))
    entry = AppEntry(name="vault", source="config.yaml", spec=spec, argv=("x",))
    world = FakeWorld()
    world.fake.entries["vault"] = entry
    shown = complete("start vault ", 12, world)["hint"]
    assert "-v" in shown
    assert not any(secret in shown for secret in ("abcdef", "geheim"))
