"""Promise: "started" is true. A start that did not come to anything says so, and why."""

import json
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, free_port, program, row, rows


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """A port that a process outside the home holds: this one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_two_servers_on_one_port_name_the_port_its_holder_and_the_holders_id(
    scratch_home: ScratchHome,
) -> None:
    port = free_port()
    scratch_home.start_daemon(config({"web": program("port_conflict", port, restart={"policy": "never"})}))
    holder = scratch_home.viscript("s", "web", "-o", "json").ok().json()
    second = scratch_home.viscript("s", "web")
    assert second.code == 1
    for fact in (f"port {port}", f"pid {holder['pid']}", "python", "[1]"):
        assert fact in second.err
    assert "Traceback" not in second.err
    why = scratch_home.viscript("why", "2", "-o", "json").ok().json()
    assert why["cause"] == "port-conflict"
    conflict = why["conflict"]
    assert (conflict["kind"], conflict["port"], conflict["pid"], conflict["id"]) == (
        "port",
        port,
        holder["pid"],
        1,
    )
    assert conflict["process"].startswith("python")
    assert why["last_lines"] == ["Address already in use"]
    assert f"port {port}" in scratch_home.viscript("why", "2").ok().out


def test_a_port_that_somebody_else_holds_has_a_holder_without_an_id(
    scratch_home: ScratchHome, foreign_port: int
) -> None:
    scratch_home.start_daemon(config({"web": program("port_conflict")}))
    answer = scratch_home.viscript("s", "web", str(foreign_port), "-o", "json")
    assert answer.code == 1
    error = answer.json()["error"]
    assert error["code"] == 1
    assert f"port {foreign_port}" in error["text"]
    assert error["text"] in answer.err  # the sentence, for people, on stderr
    conflict = scratch_home.viscript("why", "1", "-o", "json").ok().json()["conflict"]
    assert (conflict["port"], conflict["id"]) == (foreign_port, None)


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_a_check_that_the_first_of_two_servers_answers_starts_no_second(
    scratch_home: ScratchHome, kind: str
) -> None:
    port = free_port()
    where = {"tcp": f"127.0.0.1:{port}", "http": f"http://127.0.0.1:{port}/"}
    argv = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    scratch_home.start_daemon(config({"web": {"command": argv, "ready": {kind: where[kind]}}}))
    scratch_home.viscript("s", "web").ok()
    second = scratch_home.viscript("s", "web")
    assert second.code == 1
    assert f"port {port} is taken" in second.err
    assert {one["state"] for one in rows(scratch_home).values()} == {"ready", "backoff"}


def test_an_app_that_dies_while_it_settles_was_never_started(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"short": program("crash_loop", 0.3)}))
    answer = scratch_home.viscript("s", "short")
    assert answer.code == 1
    assert "exit status 3" in answer.err
    assert "retrying in" in answer.err
    assert "sd 1 ends it" in answer.err
    assert row(scratch_home)["state"] != "running"
    assert "the flux is inverted" in scratch_home.viscript("why", "1").ok().out


def test_an_app_that_dies_of_a_signal_says_which(scratch_home: ScratchHome) -> None:
    spec = program("crash_loop", 0, -11, restart={"policy": "never"})
    scratch_home.start_daemon(config({"short": spec}))
    answer = scratch_home.viscript("s", "short")
    assert answer.code == 1
    assert "SIGSEGV" in answer.err
    assert row(scratch_home)["last_exit"] == {"code": None, "signal": 11}


def test_an_app_that_ends_well_while_it_settles_is_done(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"job": {"command": ["true"]}}))
    assert scratch_home.viscript("s", "job", "-o", "json").ok().json()["state"] == "done"


def test_a_daemon_that_ends_well_has_not_started(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"job": {"command": ["true"], "daemon": True}}))
    assert scratch_home.viscript("s", "job").code == 1


def test_without_waiting_the_pid_comes_at_once_and_promises_nothing(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"nap": SLEEP}))
    answer = scratch_home.viscript("s", "nap", "--no-wait", "-o", "json").ok().json()
    assert answer["state"] == "starting"
    assert answer["pid"]


def test_a_start_that_takes_too_long_times_out_and_keeps_its_id(scratch_home: ScratchHome) -> None:
    never = {**SLEEP, "ready": {"tcp": f"127.0.0.1:{free_port()}"}, "start_timeout": "300ms"}
    scratch_home.start_daemon(config({"never": never}))
    answer = scratch_home.viscript("s", "never", "-o", "json")
    assert answer.code == 8
    assert json.loads(answer.out)["error"]["data"]["id"] == 1
    assert row(scratch_home)["state"] != "running"
    assert scratch_home.viscript("why", "1").code == 0
    scratch_home.viscript("sd", "1", "--now").ok()


def test_a_program_that_does_not_exist_is_named_with_where_it_was_sought(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"gone": {"path": "bin/sleeep"}, "typo": {"path": "sleeep"}}))
    answer = scratch_home.viscript("s", "gone")
    assert answer.code != 0
    assert str(scratch_home.root / "bin" / "sleeep") in answer.err
    answer = scratch_home.viscript("s", "typo")
    assert answer.code != 0
    assert "sleep" in answer.err.replace("sleeep", "")  # the nearest name
