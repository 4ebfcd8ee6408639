"""sd_notify both ways, over real datagram sockets."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus import limits
from viscript.daemon.notify import LONGEST, NotifyDoor, _sender, parse, tell_manager

Heard = list[tuple[int, dict[str, str]]]
SAY = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
    "s.sendto(sys.argv[2].encode(), sys.argv[1]); print(os.getpid())"
)


def hearing(heard: Heard, *, known: bool = True) -> Callable[[int, dict[str, str]], bool]:
    def hear(pid: int, fields: dict[str, str]) -> bool:
        heard.append((pid, fields))
        return known

    return hear


@pytest.fixture
async def door(short_tmp: Path) -> AsyncIterator[tuple[Path, Heard]]:
    heard: Heard = []
    door = NotifyDoor(str(short_tmp / "notify.sock"), hearing(heard))
    door.open()
    yield short_tmp / "notify.sock", heard
    door.close()
    door.close()
    assert not (short_tmp / "notify.sock").exists()


async def until_heard(heard: Heard, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(heard) < count:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "datagram,fields",
    [
        (b"READY=1", {"READY": "1"}),
        (b"READY=1\nSTATUS=up = well\n", {"READY": "1", "STATUS": "up = well"}),
        (b"", {}),
        (b"nonsense\n=value\nA=", {"A": ""}),
        (b"STATUS=\xff", {"STATUS": "�"}),
    ],
)
def test_the_lines_with_a_name_count(datagram: bytes, fields: dict[str, str]) -> None:
    assert parse(datagram) == fields


@given(st.binary(max_size=LONGEST))
def test_any_datagram_is_understood_or_passed_over(datagram: bytes) -> None:
    assert "" not in parse(datagram)


@given(st.dictionaries(st.from_regex(r"[A-Z_]+", fullmatch=True), st.from_regex(r"[ -~]*", fullmatch=True)))
def test_what_is_said_is_heard(fields: dict[str, str]) -> None:
    assert parse("\n".join(f"{name}={value}" for name, value in fields.items()).encode()) == fields


async def test_the_kernel_says_who_it_was(door: tuple[Path, Heard]) -> None:
    path, heard = door
    said = subprocess.run(
        [sys.executable, "-S", "-c", SAY, str(path), "READY=1"], check=True, capture_output=True
    )
    await until_heard(heard)
    assert heard == [(int(said.stdout), {"READY": "1"})]


async def test_everybody_may_write_to_it(door: tuple[Path, Heard]) -> None:
    path, heard = door
    assert path.stat().st_mode & 0o777 == 0o666
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        for number in range(3):
            sock.sendto(f"N={number}".encode(), str(path))
    await until_heard(heard, 3)
    assert [fields["N"] for _, fields in heard] == ["0", "1", "2"]


async def test_descriptors_that_come_along_are_not_kept(door: tuple[Path, Heard]) -> None:
    path, heard = door
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(path))
        socket.send_fds(sock, [b"FDSTORE=1"], [write])
    os.close(write)
    await until_heard(heard)
    assert os.read(read, 1) == b""
    os.close(read)


async def test_a_name_that_was_left_behind_is_taken_over(short_tmp: Path) -> None:
    path = short_tmp / "notify.sock"
    path.touch()
    door = NotifyDoor(str(path), lambda pid, fields: True)
    door.open()
    assert path.is_socket()
    door.close()


def test_without_credentials_nobody_spoke() -> None:
    assert _sender([]) is None
    assert _sender([(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"xxxx")]) is None


async def test_a_notification_of_nobody_is_dropped(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(socket, "SO_PASSCRED")
    heard: Heard = []
    door = NotifyDoor(str(short_tmp / "n"), hearing(heard))
    door.open()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1", str(short_tmp / "n"))
    async with asyncio.timeout(20):
        while "without credentials" not in caplog.text:
            await asyncio.sleep(0)
    assert heard == []
    door.close()


async def test_one_who_is_of_no_app_is_not_heard_for_ever(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "FAULTS_BURST", 20.0)
    heard: Heard = []
    door = NotifyDoor(str(short_tmp / "n"), hearing(heard, known=False))
    door.open()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for _ in range(200):
            while True:
                try:
                    sock.sendto(b"READY=1", str(short_tmp / "n"))
                    break
                except BlockingIOError:
                    await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    door.close()
    assert 20 <= len(heard) < 30
    assert caplog.text.count("of no app") < 6


def test_the_manager_hears_that_we_are_ready(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (str(short_tmp / "m"), f"@viscript-test-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"\0{address[1:]}" if address.startswith("@") else address)
            monkeypatch.setenv("NOTIFY_SOCKET", address)
            tell_manager("READY=1")
            assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_said(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_manager("READY=1")
    assert caplog.text == ""
    monkeypatch.setenv("NOTIFY_SOCKET", str(short_tmp / "nobody"))
    tell_manager("READY=1")
    assert "No such file" in caplog.text
