"""Asking with a deadline: whole answers, split ones, silence, a daemon that hangs up."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from viscript.prove.asking import Asked, Said, knock, request
from viscript.prove.verdict import BrokenPromise

Door = Callable[..., str]


@pytest.fixture
def door(short_tmp: Path) -> Iterator[Door]:
    """A daemon that says these pieces to whoever comes, then hangs up unless it is to hold on."""
    threads: list[threading.Thread] = []
    let_go = threading.Event()

    def open_(*pieces: bytes, hold: bool = False) -> str:
        path = str(short_tmp / "door")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            with listener, listener.accept()[0] as client:
                client.recv(1 << 16)
                for piece in pieces:
                    client.sendall(piece)
                if hold:
                    let_go.wait(10)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return path

    yield open_
    let_go.set()
    for thread in threads:
        thread.join()


def test_the_two_outputs_and_the_code_are_kept(door: Door) -> None:
    path = door(b'{"k":1}\n{"o":"a', b'b"}\n{"e":"c"}\n', b'{"o":"d"}\n{"x":3}\n')
    with Asked(path, ("la",)) as asked:
        assert asked.answer(5) == Said(3, "abd", "c")


def test_silence_breaks_the_promise_in_time(door: Door) -> None:
    with (
        Asked(door(b'{"k":1}\n', hold=True), ("la",)) as asked,
        pytest.raises(BrokenPromise, match="in time"),
    ):
        asked.answer(0.05)


def test_a_hang_up_breaks_it_too(door: Door) -> None:
    with Asked(door(b'{"o":"half'), ("la", "-a")) as asked, pytest.raises(BrokenPromise, match="`la -a`"):
        asked.answer(5)


def test_a_killed_daemon_has_hung_up_too(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(size: int) -> bytes:
        raise ConnectionResetError

    with Asked(door(hold=True), ("la",)) as asked:
        monkeypatch.setattr(
            asked, "_door", SimpleNamespace(recv=reset, settimeout=float, close=asked._door.close)
        )
        with pytest.raises(BrokenPromise, match="hung up"):
            asked.answer(5)


def test_nobody_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        knock(str(tmp_path / "none"))


def test_a_request_is_one_line() -> None:
    line = request(argv=["la"])
    assert line.endswith(b"\n")
    assert json.loads(line) == {"v": 1, "cwd": "/", "mode": "oneshot", "argv": ["la"]}


def test_what_is_no_json_is_shown() -> None:
    assert Said(0, "[1]", "").json() == [1]
    with pytest.raises(BrokenPromise, match="expected JSON, got 'oops' and 'sorry'"):
        Said(1, "oops", "sorry\n").json()
