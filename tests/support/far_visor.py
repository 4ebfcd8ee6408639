"""Two visors' app servers, joined; one of them takes apps of another host."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from components.mesh.doors import Doors, bind
from components.mesh.ports import MeshPort
from components.visor.app import App
from components.visor.apps.farapps import FarApps
from components.visor.apps.limits import Bounds
from tests.support.appnet import Net, joined
from tests.support.mesh import ALICE, CAROL

A = ALICE.public_key


class Made:
    """Alice's visor takes Carol's apps; Bob's visor has an app of its own."""

    def __init__(self, net: Net, listener: socket.socket) -> None:
        self.net = net
        self.at = listener.getsockname()
        self.visor = f"{A.hex()}@{self.at[0]}:{self.at[1]}"

    def app(self) -> App:
        return App.connect(self.visor, name="far", identity=CAROL)


@asynccontextmanager
async def served(folder: Path, bounds: Bounds | None = None) -> AsyncIterator[Made]:
    async with joined(folder, bounds) as net, asyncio.TaskGroup() as tasks:
        assert net.alice.server is not None
        door = FarApps(net.alice.server.adopt, {CAROL.public_key}).door
        listener = bind("127.0.0.1", 0)
        made = Made(net, listener)
        serving = tasks.create_task(Doors(listener, ALICE, {MeshPort.CONTROL: door}).serve())
        try:
            yield made
        finally:
            serving.cancel()
