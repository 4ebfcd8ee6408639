"""The keeper's door: who is obeyed, and what bad clients cannot do."""

import os
import socket
import stat
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper
from tests.support.wait import eventually
from viscript.keeper import server
from viscript.keeper.client import KeeperClient, KeeperGoneError
from viscript.keeper.loop import Loop
from viscript.keeper.protocol import LONGEST_LINE, Refusal

SLEEP = "import time; time.sleep(1000)"


def test_only_the_owner_may_knock(keeper: TestKeeper) -> None:
    assert stat.S_IMODE(os.stat(keeper.places.socket).st_mode) == 0o600


def test_a_newer_daemon_takes_over_and_the_older_is_refused(keeper: TestKeeper) -> None:
    old = keeper.client
    with KeeperClient(keeper.places.socket) as new:
        new.hello(100)
        with pytest.raises(Refusal) as caught:
            old.request("env", base={})
        assert caught.value.code == "stale-epoch"
        new.request("env", base={})


def test_a_thawed_daemon_is_refused_also_by_the_next_keeper(keeper: TestKeeper) -> None:
    keeper.connect(epoch=100)
    keeper.kill()
    keeper.start()
    with KeeperClient(keeper.places.socket) as old, pytest.raises(Refusal) as caught:
        old.hello(50)
    assert caught.value.code == "stale-epoch"


def test_the_same_daemon_may_come_back(keeper: TestKeeper) -> None:
    keeper.connect(epoch=100)
    keeper.connect(epoch=100).request("env", base={})


def test_who_did_not_say_hello_may_look_and_not_touch(keeper: TestKeeper) -> None:
    with KeeperClient(keeper.places.socket) as guest:
        guest.request("ping")
        assert guest.request("stats")["host"] == "linux"
        with pytest.raises(Refusal) as caught:
            guest.request("stop", seq=7)
        assert caught.value.code == "hello-first"


def test_an_operation_that_is_not_known_is_refused(keeper: TestKeeper) -> None:
    for op in ("dance", "", "__init__"):
        with pytest.raises(Refusal, match="no operation"):
            keeper.client.request(op)


@pytest.mark.parametrize("data", [b"hello\n", b"[]\n", b"\xff\n", b"{" * 2000 + b"\n"])
def test_who_does_not_speak_the_protocol_is_told_and_hung_up_on(keeper: TestKeeper, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(keeper.places.socket)
        sock.settimeout(5)
        sock.sendall(data)
        assert b'"protocol"' in sock.recv(4096)
        assert sock.recv(4096) == b""
    keeper.client.request("ping")


def test_a_line_without_end_is_hung_up_on(keeper: TestKeeper) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(keeper.places.socket)
        sock.settimeout(10)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            sock.sendall(b"x" * (2 * LONGEST_LINE))
    keeper.client.request("ping")


def test_descriptors_that_nobody_asked_for_are_closed(keeper: TestKeeper) -> None:
    before = keeper.client.request("stats")["fds"]
    with KeeperClient(keeper.places.socket) as guest:
        with Path("/dev/null").open() as null:
            for _ in range(10):
                guest.request("ping", fds=(null.fileno(),) * 5)
        assert keeper.client.request("stats")["fds"] <= before + 51
    eventually(lambda: keeper.client.request("stats")["fds"] <= before)


def test_a_client_that_never_reads_is_hung_up_on_and_harms_nobody(keeper: TestKeeper) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(keeper.places.socket)
        deaf.setblocking(False)
        line = b'{"id":"' + b"x" * 60_000 + b'","op":"ping"}\n'
        sent = 0
        try:
            while sent < 3000 * len(line):
                try:
                    sent += deaf.send(line)
                except BlockingIOError:
                    keeper.client.request("ping")
        except OSError:
            pass  # hung up on
    keeper.client.request("ping")
    assert keeper.client.request("stats")["rss_bytes"] < 400 << 20


def test_a_daemon_that_is_frozen_is_hung_up_on_once_too_much_waits_for_it(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LARGEST_BACKLOG", 1 << 20)
    faults: list[BaseException] = []
    loop = Loop(faults.append)
    door = server.Server(str(short_tmp / "k"), loop, faults.append)
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.connect(str(short_tmp / "k"))
        loop.turn()
        (connection,) = door._connections
        door.obey(connection, 1)
        for _ in range(3000):
            door.tell({"ev": "out", "text": "x" * 1000})
            door.flush()
            if not door._connections:
                break
        assert not door._connections
    door.close()
    loop.close()
    assert not faults


def test_events_that_were_missed_come_with_the_hello(keeper: TestKeeper) -> None:
    cursor = keeper.hello["cursor"]
    keeper.launch(7, SLEEP)
    keeper.stop(7)
    client = keeper.connect(cursor)
    assert keeper.hello["gap"] is False
    assert [event["ev"] for event in client.events(0.2)] == ["spawned", "exited", "stopped"]


def test_a_cursor_of_an_earlier_keeper_is_a_gap(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    cursor = keeper.client.event("spawned")["cursor"]
    keeper.kill()
    keeper.start(cursor)
    assert keeper.hello["gap"] is True


def test_a_daemon_that_goes_away_leaves_the_apps_alone(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.hang_up()
    assert keeper.record(7)["phase"] == "running"


def test_who_connects_to_no_keeper_is_told_at_once(short_tmp: Path) -> None:
    with pytest.raises(KeeperGoneError, match="no keeper answers"):
        KeeperClient(str(short_tmp / "no.sock"))
