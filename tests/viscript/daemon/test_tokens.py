"""Who may join over tcp."""

from typing import Any

import pytest

from signal_bus.identity import Identity
from signal_bus.ids import CurveKey, Generation, SeqId, Session
from signal_bus.messages import Hello
from signal_bus.tokens import curve_of
from viscript.config.model import App
from viscript.daemon.tokens import Doorkeeper, Tokens, bearer
from viscript.keeper.tokens import token_of
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

TOKENS = Tokens(Identity(bytes(range(32))))


def managed(generation: int = 2, join: Any = "tcp", phase: Phase = Phase.RUNNING, seq: int = 7) -> Managed:
    entry = AppEntry(name="far", source="t", spec=App(join=join), argv=("far",))
    return Managed(seq=seq, generation=generation, name="far", entry=entry, since=0.0, phase=phase)


def hello(token: str, session: str = "a" * 16) -> Hello:
    return Hello(seq=SeqId(7), generation=Generation(2), session=Session(session), token=token)


def code(said: Hello, app: Managed) -> str:
    refusal = TOKENS.judge(said, app)
    return refusal.code if refusal else ""


def test_the_keeper_makes_the_token_that_the_daemon_expects() -> None:
    assert token_of(TOKENS.key(7), 7, 2) == TOKENS.token(7, 2)
    assert code(hello(TOKENS.token(7, 2)), managed()) == ""


def test_another_host_makes_other_tokens() -> None:
    assert Tokens(Identity(bytes(32))).token(7, 2) != TOKENS.token(7, 2)


@pytest.mark.parametrize(
    "token,why",
    [
        ("", "no-token"),
        ("0" * 64, "wrong-token"),
        ("ü", "wrong-token"),
        (TOKENS.token(7, 1), "wrong-token"),  # of the launch before
        (TOKENS.token(7, 3), "wrong-token"),
        (TOKENS.token(8, 2), "wrong-token"),  # of another app
    ],
)
def test_only_the_token_of_that_very_launch_is_right(token: str, why: str) -> None:
    assert code(hello(token), managed()) == why
    refusal = TOKENS.judge(hello(token), managed())
    assert refusal is not None
    assert not refusal.retry
    assert not token or token not in refusal.text


def test_an_app_that_joins_by_the_socket_file_has_no_place_at_this_door() -> None:
    assert code(hello(TOKENS.token(7, 2)), managed(join="ipc")) == "wrong-process"


def test_a_token_is_used_by_one_program_only() -> None:
    app, token = managed(), TOKENS.token(7, 2)
    app.bearer = bearer(hello(token), app)
    assert code(hello(token), app) == ""  # the same again, after its connection broke
    assert code(hello(token, "b" * 16), app) == "used-token"
    app.generation = 3
    assert code(hello(TOKENS.token(7, 3), "b" * 16), app) == ""  # a new launch is a new program


def test_what_is_remembered_of_a_bearer_does_not_let_its_reader_in() -> None:
    said = hello(TOKENS.token(7, 2))
    assert said.session not in bearer(said, managed())
    assert said.token not in bearer(said, managed())


class Door:
    """The allow list of a door that is not there."""

    def __init__(self) -> None:
        self.names: dict[CurveKey, str] = {}
        self.keeper = Doorkeeper(TOKENS, allow=self.names.__setitem__, forbid=self.names.__delitem__)

    def open_for(self) -> set[str]:
        return set(self.names.values())


def key(generation: int) -> CurveKey:
    return curve_of(TOKENS.token(7, generation)).public


def test_the_door_knows_the_launch_that_runs_and_the_one_before() -> None:
    door = Door()
    for generation in (1, 2, 3):
        door.keeper.look(managed(generation))
    assert door.names == {key(2): "app/7.2", key(3): "app/7.3"}
    assert door.keeper.launched(key(3).hex()) == "7"
    assert door.keeper.launched(key(1).hex()) == ""


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.BACKOFF, Phase.FATAL, Phase.DONE])
def test_what_does_not_run_is_not_let_in(phase: Phase) -> None:
    door = Door()
    door.keeper.look(managed(2))
    door.keeper.look(managed(2, phase=phase))
    assert not door.names
    assert door.keeper.launched(key(2).hex()) == ""


def test_a_door_opens_for_nobody_who_does_not_need_it() -> None:
    door = Door()
    door.keeper.look(managed(2, join="ipc"))
    door.keeper.look(managed(0, phase=Phase.STARTING))  # not launched yet
    assert not door.names


def test_the_door_closes_for_an_app_that_joins_otherwise_from_now_on() -> None:
    door = Door()
    door.keeper.look(managed(2))
    door.keeper.look(managed(2, join="ipc"))
    assert not door.names


def test_the_apps_of_a_door_do_not_disturb_one_another() -> None:
    door = Door()
    door.keeper.look(managed(2))
    door.keeper.look(managed(1, seq=8))
    door.keeper.look(managed(2, phase=Phase.STOPPED))
    assert door.open_for() == {"app/8.1"}
