"""The names of the original's library do what they did."""

from pathlib import Path

import pytest

from components.visor.app import Addr, Config, Misuse, PortTaken, Setup
from components.visor.apps.server import AppServer
from tests.support.appnet import Mesh
from tests.support.mesh import ALICE


async def test_an_app_in_the_originals_words(short_tmp: Path) -> None:
    path = str(short_tmp / "app.sock")
    async with AppServer(short_tmp / "app.sock", Mesh(ALICE)):
        server = await Setup(Config("server", "1.0", "0.0.1", Port=7, Address=path))
        client = await Setup(Config("client", Address=path))
        assert server.Addr() == Addr(ALICE.public_key.hex(), 7)
        assert str(client.Addr()).endswith(":0")
        ours = await client.Dial(server.Addr())
        theirs = await server.Accept()
        ours.write(b"x")
        assert await theirs.readexactly(1) == b"x"
        with pytest.raises(Misuse, match="Port="):
            await client.Accept()
        with pytest.raises(PortTaken):
            await Setup(Config("second", Port=7, Address=path))
        await client.Close()
        await server.Close()
