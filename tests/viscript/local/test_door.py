"""The client's end of the door."""

import socket
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from viscript.errors import ExitCode
from viscript.local.door import Door, DoorError


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
