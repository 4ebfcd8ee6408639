"""The app server's socket: its mode, what lay there before, who may come, what is told to whom."""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from components.mesh.errors import CallerError
from components.visor.app import App, NoVisor, VisorGone
from components.visor.apps import place, server
from components.visor.apps.limits import Bounds
from components.visor.apps.server import AppServer
from components.visor.plane.streams.api import Code
from tests.support.appnet import Mesh
from tests.support.mesh import ALICE, BOB


class Offer:
    peer, port, source = BOB.public_key, 7, 49152

    def __init__(self) -> None:
        self.refused: list[int] = []

    def accept(self, sock: socket.socket, over: object) -> None:
        sock.close()

    def refuse(self, code: int) -> None:
        self.refused.append(code)


async def test_the_socket_is_for_its_user_only_and_goes_with_the_server(short_tmp: Path) -> None:
    path = short_tmp / "new" / "app.sock"
    async with AppServer(path, Mesh(ALICE), port=5505):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        async with App.connect(str(place.port_link(path, 5505)), patience_s=0) as app:
            assert app.key == ALICE.public_key
    assert list(path.parent.iterdir()) == []


async def test_a_socket_that_a_dead_visor_left_is_replaced(short_tmp: Path) -> None:
    path = short_tmp / "app.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    async with AppServer(path, Mesh(ALICE)), App.connect(str(path), patience_s=0):
        with pytest.raises(CallerError, match="in use"):
            await AppServer(path, Mesh(BOB)).__aenter__()


async def test_a_visor_whose_files_are_elsewhere_is_found_in_its_home(short_tmp: Path) -> None:
    path, beside = short_tmp / "ann" / "app.sock", short_tmp / "home" / "visor" / "app.sock"
    for _ in range(2):
        serving = AppServer(path, Mesh(ALICE), beside=beside)
        async with serving, App.connect(str(beside), patience_s=0) as app:
            assert app.key == ALICE.public_key
        assert not beside.is_symlink()
        beside.symlink_to(path)  # as one that was killed leaves it
    async with AppServer(path, Mesh(ALICE), beside=path):
        assert path.is_socket()
        assert not path.is_symlink()


async def test_the_name_of_another_visor_is_left_alone(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, beside = short_tmp / "ann" / "app.sock", short_tmp / "app.sock"
    async with AppServer(beside, Mesh(BOB)):
        serving = AppServer(path, Mesh(ALICE), beside=beside)
        async with serving, App.connect(str(beside), patience_s=0) as app:
            assert app.key == BOB.public_key
        assert beside.is_socket()
    assert f"apps do not find the visor at {beside}" in caplog.text


async def test_a_path_that_cannot_be_is_said(short_tmp: Path) -> None:
    (short_tmp / "file").touch()
    with pytest.raises(CallerError, match="cannot be served at"):
        await AppServer(short_tmp / "file" / "app.sock", Mesh(ALICE)).__aenter__()
    with pytest.raises(CallerError, match="cannot be served at"):
        server.listen(short_tmp / "file")


async def test_a_queue_that_is_full_is_not_a_dead_visor(short_tmp: Path) -> None:
    path = short_tmp / "app.sock"
    busy = socket.socket(socket.AF_UNIX)
    busy.bind(str(path))
    busy.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(str(path))
    with pytest.raises(CallerError, match="in use"):
        server.listen(path)
    waiting.close()
    busy.close()


async def test_another_user_is_turned_away(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = short_tmp / "app.sock"
    async with AppServer(path, Mesh(ALICE)):
        answers = iter([True, False])  # the app looks first
        monkeypatch.setattr(place, "same_user", lambda _: next(answers))
        with pytest.raises(VisorGone):
            await App.connect(str(path), patience_s=0).__aenter__()


async def test_an_app_does_not_talk_to_another_users_visor(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = short_tmp / "app.sock"
    async with AppServer(path, Mesh(ALICE)):
        monkeypatch.setattr(place, "same_user", lambda _: False)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        with pytest.raises(NoVisor, match="another user"):
            await App.connect(str(path), patience_s=0).__aenter__()


async def test_who_does_not_say_hello_is_hung_up_on(short_tmp: Path) -> None:
    path = short_tmp / "app.sock"
    async with AppServer(path, Mesh(ALICE), bounds=Bounds(hello_s=0.01)), asyncio.timeout(10):
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_no_descriptor_left_is_a_pause_and_not_the_end(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = short_tmp / "app.sock"
    monkeypatch.setattr(server, "PAUSE_S", 0.01)
    async with AppServer(path, Mesh(ALICE)) as made, asyncio.timeout(10):
        found = made._listener
        assert found is not None
        real: socket.socket = found

        class Broken:
            calls = 0

            def fileno(self) -> int:
                return real.fileno()

            def accept(self) -> object:
                Broken.calls += 1
                if Broken.calls == 1:
                    raise OSError(errno.EMFILE, "too many open files")
                if Broken.calls == 2:
                    raise BlockingIOError
                return real.accept()

        monkeypatch.setattr(made, "_listener", Broken())
        async with App.connect(str(path)):
            assert Broken.calls == 3
        monkeypatch.setattr(made, "_listener", real)


async def test_leaving_during_a_pause_leaves_no_timer(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = AppServer(short_tmp / "app.sock", Mesh(ALICE))
    async with made:
        made._pause = asyncio.get_running_loop().call_later(60, made._watch)
    assert made._pause.cancelled()
    made._stop_listening()
    made._watch()


async def test_offers_and_messages_for_nobody_are_turned_down(short_tmp: Path) -> None:
    offer = Offer()
    async with AppServer(short_tmp / "app.sock", Mesh(ALICE)) as made:
        made.offered(offer)
        assert offer.refused == [Code.REFUSED]
        assert not made.message(BOB.public_key, 7, 1, b"x")


async def test_an_offer_that_is_gone_is_forgotten(short_tmp: Path) -> None:
    path = short_tmp / "app.sock"
    async with AppServer(path, Mesh(ALICE)) as made, App.connect(str(path)) as app, app.listen(7):
        made.offered(Offer())
        assert (await app.describe()).count == 0
