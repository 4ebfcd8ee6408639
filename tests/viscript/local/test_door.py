"""The client's end of the door."""

import socket
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from viscript.errors import ExitCode
from viscript.local.door import FIRST_BYTE_S, LONGEST_LINE, Door, DoorError


def test_answers_come_line_by_line_until_the_daemon_hangs_up(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/d") as fake:
        fake.answers["la"] = [{"o": "x" * 200_000}, {"e": "ü"}, {"x": 0}]
        door = Door(f"{short_tmp}/d")
        door.ask({"v": 1, "argv": ["la"]})
        assert [*door.lines()] == [{"o": "x" * 200_000}, {"e": "ü"}, {"x": 0}]
        door.close()


def test_what_follows_a_hand_over_stays_for_who_takes_the_socket(short_tmp: Path) -> None:
    left, right = socket.socketpair()
    with left, right:
        door = Door.__new__(Door)
        door.socket, door.rest = left, b""
        right.sendall(b'{"k":1}\n{"a":{"id":7}}\n\x01\x00\x00\x00\x02h\n')
        answers = door.lines()
        assert next(answers) == {"a": {"id": 7}}
        assert door.rest == b"\x01\x00\x00\x00\x02h\n"


@pytest.mark.parametrize("make", ["nothing", "file", "below a file"])
def test_without_a_listener_the_daemon_is_unreachable(short_tmp: Path, make: str) -> None:
    path = short_tmp / "d"
    if make != "nothing":
        path.write_text("")
    with pytest.raises(DoorError) as error:
        Door(str(path / "below" if make == "below a file" else path))
    assert error.value.code is ExitCode.UNREACHABLE


def test_a_path_that_is_too_long_is_said(short_tmp: Path) -> None:
    with pytest.raises(DoorError) as error:
        Door(f"{short_tmp}/{'x' * 200}")
    assert error.value.code is ExitCode.UNREACHABLE


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b'"o"\n',
        b"[" * 100_000 + b"\n",
        b'{"x":"0"}\n',
        b'{"x":null}\n',
        b'{"x":99999999999}\n',
        b'{"x":-1}\n',
    ],
)
def test_a_listener_that_is_no_daemon_is_said(said: bytes) -> None:
    left, right = socket.socketpair()
    with left, right:
        door = Door.__new__(Door)
        door.socket, door.rest = left, said
        with pytest.raises(DoorError, match="does not answer as a daemon") as error:
            next(door.lines())
    assert error.value.code is ExitCode.UNREACHABLE


def test_a_first_line_that_stops_half_way_is_silence() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(FIRST_BYTE_S)
        right.sendall(b'{"k"')
        door = Door.__new__(Door)
        door.socket, door.rest = left, b""
        with pytest.raises(DoorError) as error:
            next(door.lines())
    assert error.value.code is ExitCode.TIMED_OUT


def test_a_line_without_end_is_not_kept() -> None:
    left, right = socket.socketpair()
    with left, right:
        door = Door.__new__(Door)
        door.socket, door.rest = left, b"x" * (LONGEST_LINE + 1)
        with pytest.raises(DoorError):
            next(door.lines())
