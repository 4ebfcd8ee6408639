"""Two ends of a session over loopback, with nothing behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from components.mesh.doors import Doors, bind
from components.mesh.ports import MeshPort
from components.mesh.session import Session, Visitor, dial
from tests.support.mesh import ALICE, BOB


@asynccontextmanager
async def sessions() -> AsyncIterator[tuple[Session, Session]]:
    """Bob's, who dialled, and Alice's."""
    listener = bind("127.0.0.1", 0)
    heard: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

    async def door(visitor: Visitor) -> None:
        heard.set_result(await visitor.accept())

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(Doors(listener, ALICE, {MeshPort.CONTROL: door}).serve())
        near = await dial(listener.getsockname(), BOB, ALICE.public_key, MeshPort.CONTROL)
        far = await heard
        try:
            yield near, far
        finally:
            near.close()
            far.close()
            serving.cancel()
