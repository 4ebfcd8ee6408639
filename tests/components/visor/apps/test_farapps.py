"""The door for apps of other hosts: who may, what a token is good for, and how streams end."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.errors import Refused
from components.mesh.ports import MeshPort
from components.mesh.session import dial
from components.visor.app import App, PeerRefused, StreamReset, VisorGone
from components.visor.app import Refused as AppRefused
from components.visor.apps import farapps
from components.visor.apps.farwire import Wanted
from components.visor.apps.limits import Bounds
from tests.support.far_visor import Made, served
from tests.support.mesh import ALICE, BOB, CAROL

A, B = ALICE.public_key, BOB.public_key


pytestmark = pytest.mark.usefixtures("whole")


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Made]:
    async with served(short_tmp) as made:
        yield made


@pytest.fixture
async def there(made: Made) -> AsyncIterator[App]:
    async with App.connect(str(made.net.there), name="there") as app:
        yield app


async def test_a_remote_app_dials_as_one_of_the_host(made: Made, there: App) -> None:
    async with made.app() as app, there.listen(7) as listener:
        assert app.key == A
        async with await app.dial(B, 7) as ours, await listener.accept() as theirs:
            ours.write(b"x" * 1_000_000)
            ours.write_eof()
            assert await theirs.read() == b"x" * 1_000_000
            theirs.write(b"answer")
            theirs.write_eof()
            assert await ours.read() == b"answer"
        with pytest.raises(PeerRefused, match="nobody listens on port 9"):
            await app.dial(B, 9)


async def test_a_remote_app_listens_and_sends_messages(made: Made, there: App) -> None:
    async with made.app() as app, app.listen(7) as listener:
        async with await there.dial(A, 7) as ours, await listener.accept() as theirs:
            ours.write(b"line\n")
            assert await theirs.readline() == b"line\n"
        await there.send(A, 7, b"note")
        assert (await listener.receive()).data == b"note"


async def test_a_break_is_no_end_in_either_direction(made: Made, there: App) -> None:
    async with made.app() as app, there.listen(7) as listener:
        ours, theirs = await app.dial(B, 7), await listener.accept()
        theirs.write(b"half")
        assert await ours.readexactly(4) == b"half"
        await theirs.abort(300)
        with pytest.raises(StreamReset, match="300"):
            await ours.read()
        ours, theirs = await app.dial(B, 7), await listener.accept()
        ours.write(b"half")
        assert await theirs.readexactly(4) == b"half"
        await ours.abort(301)
        with pytest.raises(StreamReset, match="301"):
            await theirs.read()


async def test_a_remote_app_that_is_gone_breaks_its_streams(made: Made, there: App) -> None:
    async with there.listen(7) as listener:
        async with made.app() as app:
            ours, theirs = await app.dial(B, 7), await listener.accept()
            ours.write(b"half")
            assert await theirs.readexactly(4) == b"half"
        with pytest.raises(StreamReset):
            await theirs.read()


async def test_a_visor_that_is_gone_is_told(short_tmp: Path) -> None:
    async with served(short_tmp) as made:
        app = made.app()
        await app.__aenter__()
    with pytest.raises(VisorGone):
        await app.describe()
    await app.__aexit__(None, None, None)


async def test_a_key_that_is_not_named_is_refused(made: Made) -> None:
    with pytest.raises(AppRefused, match="--app-allow") as caught:
        async with App.connect(made.visor, identity=BOB):
            raise AssertionError
    assert caught.value.code == "not-allowed"


async def test_a_token_of_nobody_is_refused(made: Made) -> None:
    with pytest.raises(Refused, match="no stream waits"):
        await dial(made.at, CAROL, A, MeshPort.CONTROL, Wanted(b"t" * 16))


async def test_no_more_apps_than_the_visor_takes(short_tmp: Path) -> None:
    async with served(short_tmp, Bounds(apps=0)) as made:
        with pytest.raises(AppRefused, match="apps"):
            async with made.app():
                raise AssertionError


async def test_a_stream_that_nobody_fetches_is_reset(
    made: Made, there: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farapps, "TOKEN_S", 0.05)
    async with made.app() as app, app.listen(7), there.listen(8) as listener:
        assert app.place.__class__.__name__ == "FarVisor"
        monkeypatch.setattr(app.place, "_stream", _never)
        theirs = await there.dial(A, 7)
        with pytest.raises(StreamReset):
            await theirs.read()
        dialled = await app.dial(B, 8)
        with pytest.raises(StreamReset):
            await (await listener.accept()).read()
        dialled.close()
    theirs.close()


async def _never(number: int, token: bytes, sock: socket.socket) -> None:
    sock.close()
