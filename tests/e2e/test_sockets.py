"""Promise: a restart of an app whose sockets are held refuses no connection, and drops none."""

import os
import socket
import threading
from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import config, events, free_port, program, row
from tests.support.wait import eventually

COUNT = 1_000


def server(listen: str, **keys: object) -> str:
    app = program("served", sockets={"web": listen}, settle="100ms", daemon=True, **keys)
    return config({"w": app})


def ask(port: int, words: bytes = b"who") -> bytes:
    """One connection, from beginning to end; raises when it is refused or dropped."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(words)
        return connection.recv(64)


def test_a_thousand_connections_over_five_restarts_and_a_crash_are_all_answered(
    scratch_home: ScratchHome,
) -> None:
    port = free_port()
    scratch_home.start_daemon(server(f"127.0.0.1:{port}", restart={"delay": "10ms"}))
    scratch_home.viscript("s", "w").ok()
    answers: list[bytes] = []
    faults: list[OSError] = []

    def load() -> None:
        while not done.is_set() or len(answers) < COUNT:
            try:
                answers.append(ask(port))
            except OSError as exc:
                faults.append(exc)
                return

    done = threading.Event()
    client = threading.Thread(target=load)
    client.start()
    for _ in range(5):
        scratch_home.viscript("restart", "w").ok()
    ask(port, b"crash")
    eventually(lambda: row(scratch_home)["generation"] == 7 and row(scratch_home)["state"] == "running")
    done.set()
    client.join(timeout=60)
    assert faults == []
    assert len(answers) >= COUNT
    assert b"" not in answers
    assert len(set(answers)) == 7


def test_they_outlive_the_daemon_and_a_stop_closes_them(scratch_home: ScratchHome) -> None:
    port = free_port()
    scratch_home.start_daemon(server(f"127.0.0.1:{port}"))
    scratch_home.viscript("s", "w").ok()
    first = ask(port)
    scratch_home.kill_daemon()
    assert ask(port) == first
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert ask(port) == first
    scratch_home.viscript("sd", "1").ok()
    with pytest.raises(ConnectionRefusedError):
        ask(port)
    scratch_home.viscript("restart", "1").ok()
    assert ask(port) not in (b"", first)


def test_a_killed_keeper_takes_its_ends_and_the_next_run_gets_new_ones(scratch_home: ScratchHome) -> None:
    port = free_port()
    scratch_home.start_daemon(server(f"127.0.0.1:{port}", restart={"delay": "10ms"}))
    scratch_home.viscript("s", "w").ok()
    first = ask(port)
    scratch_home.kill_keeper()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert ask(port) == first
    assert ask(port, b"crash") == b""
    eventually(lambda: row(scratch_home)["generation"] == 2 and row(scratch_home)["state"] == "running")
    assert ask(port) not in (b"", first)


def test_a_port_that_is_taken_is_said_with_who_has_it(scratch_home: ScratchHome) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        scratch_home.start_daemon(server(f"127.0.0.1:{port}"))
        refused = scratch_home.viscript("s", "w")
        assert refused.code == 1
        assert f"port {port} is taken by" in refused.err
        why = scratch_home.viscript("why", "1", "-o", "json").json()
    assert why["cause"] == "port-conflict"
    assert (why["conflict"]["port"], why["conflict"]["pid"]) == (port, os.getpid())
    scratch_home.viscript("restart", "1").ok()
    assert ask(port)


def test_apply_of_an_address_that_is_taken_leaves_what_runs(scratch_home: ScratchHome) -> None:
    old = free_port()
    file = scratch_home.write_config(server(f"127.0.0.1:{old}"))
    scratch_home.start_daemon(file)
    scratch_home.viscript("s", "w").ok()
    first = ask(old)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        scratch_home.write_config(server(f"127.0.0.1:{taken}"))
        refused = scratch_home.viscript("apply", str(file))
        again = scratch_home.viscript("restart", "w")
    for told in (refused, again):
        assert told.code == 1
        assert "it runs on, since it could not come up again" in told.out + told.err
        assert f"port {taken} is taken by" in told.out + told.err
        assert f"(pid {os.getpid()})" in told.out + told.err
    assert ask(old) == first
    scratch_home.viscript("restart", "w").ok()
    assert ask(taken)


def test_a_second_one_of_the_same_app_is_told_who_has_the_address(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(server(f"127.0.0.1:{free_port()}"))
    scratch_home.viscript("s", "w").ok()
    refused = scratch_home.viscript("s", "w")
    assert refused.code == 1
    assert "held for [1] here" in refused.err


def test_apply_moves_it_to_another_address(scratch_home: ScratchHome, short_tmp: Path) -> None:
    old, path = free_port(), short_tmp / "h" / "web.sock"
    file = scratch_home.write_config(server(f"127.0.0.1:{old}"))
    scratch_home.start_daemon(file)
    scratch_home.viscript("s", "w").ok()
    assert ask(old)
    scratch_home.write_config(server("unix:web.sock"))
    assert "changed: sockets" in scratch_home.viscript("apply", str(file)).ok().out
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"who")
        assert connection.recv(64)
    with pytest.raises(ConnectionRefusedError):
        ask(old)
    scratch_home.viscript("sd", "1").ok()
    assert not path.exists()
    assert events(scratch_home, "app.stopped")
