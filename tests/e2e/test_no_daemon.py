"""Promise: without a daemon the answer is at once, is code 4, and says how to start one; a deaf one is 8."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.home import ScratchHome
from tests.support.pace import quickest
from tests.support.programs import SLEEP, config

AT_ONCE_S = 0.3
DEAF_S = 2.3
MODES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "one-shot": (("la",), None),
    "-c": (("-c", "la; apps"), None),
    "piped": ((), "la\napps\n"),
}


@contextmanager
def listener(home: ScratchHome, *, backlog: int = 8) -> Iterator[None]:
    """Somebody holds the door and never says a word."""
    run = home.root / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(run / "verbs.sock"))
        door.listen(backlog)
        yield


def dead_socket(home: ScratchHome) -> None:
    """The file of a door nobody holds any more."""
    run = home.root / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(run / "verbs.sock"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("left", ["nothing", "a dead socket"])
def test_no_daemon_is_4_at_once_with_how_to_start_one(
    scratch_home: ScratchHome, mode: str, left: str
) -> None:
    if left != "nothing":
        dead_socket(scratch_home)
    answer, took = quickest(lambda: scratch_home.viscript(*MODES[mode][0], stdin=MODES[mode][1]), AT_ONCE_S)
    assert answer.code == 4
    assert took < AT_ONCE_S
    assert "viscript daemon" in answer.err
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1
    assert scratch_home.processes() == []  # none was started on the quiet


def test_json_says_it_in_json(scratch_home: ScratchHome) -> None:
    answer = scratch_home.viscript("la", "-o", "json")
    assert answer.code == 4
    assert json.loads(answer.out)["error"]["code"] == 4


@pytest.mark.parametrize("mode", MODES)
def test_a_listener_that_never_answers_is_8_within_two_seconds(scratch_home: ScratchHome, mode: str) -> None:
    with listener(scratch_home):
        answer, took = quickest(
            lambda: scratch_home.viscript(*MODES[mode][0], stdin=MODES[mode][1]), DEAF_S, tries=4
        )
    assert answer.code == 8
    assert took < DEAF_S
    assert len(answer.err.splitlines()) == 1


def test_a_listener_that_takes_nobody_more_is_8_too(scratch_home: ScratchHome) -> None:
    with listener(scratch_home, backlog=0):
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(str(scratch_home.root / "run" / "verbs.sock"))
        answer, took = quickest(lambda: scratch_home.viscript("la"), DEAF_S, tries=4)
        assert took < DEAF_S
        for one in waiting:
            one.close()
    assert answer.code == 8


def test_a_frozen_daemon_is_8_and_a_thawed_one_answers(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP}))
    (daemon,) = [p for p in scratch_home.processes() if "viscript.daemon" in p.cmdline()]
    daemon.suspend()
    answer, took = quickest(lambda: scratch_home.viscript("la"), DEAF_S, tries=4)
    assert (answer.code, took < DEAF_S) == (8, True)
    daemon.resume()
    scratch_home.viscript("la").ok()
