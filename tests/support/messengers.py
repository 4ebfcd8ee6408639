"""Messengers and clients of them on loopback, for tests of the relay."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from components.mesh.doors import Door, bind
from components.mesh.relay import NO_DOORS, Pace, Relay
from components.mesh.roster import Messenger as Where
from components.messenger.server import Limits, Messenger
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import CAROL

HURRIED = Pace(ping_s=0.02, answer_s=0.2, dial_s=2.0)
OTHER = Identity(b"\x0b" * 32)


@asynccontextmanager
async def serving(messenger: Messenger, identity: Identity = CAROL) -> AsyncIterator[Where]:
    """The messenger behind a port of its own; where it is."""
    listener = bind("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(messenger.serve(listener))
        try:
            yield Where(identity.public_key, listener.getsockname())
        finally:
            task.cancel()


@asynccontextmanager
async def messenger(
    limits: Limits | None = None, allow: frozenset[PublicKey] | None = None
) -> AsyncIterator[tuple[Messenger, Where]]:
    """A messenger with Carol's key."""
    it = Messenger(CAROL, limits=limits, allow=allow)
    async with serving(it) as where:
        yield it, where


@asynccontextmanager
async def client(
    identity: Identity,
    messengers: Sequence[Where],
    doors: Mapping[int, Door] = NO_DOORS,
    *,
    pace: Pace = HURRIED,
    keep: int = 2,
) -> AsyncIterator[Relay]:
    """A client that runs inside the block; it is present at one at least."""
    relay = Relay(identity, doors, messengers, pace=pace, keep=keep)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(relay.run())
        try:
            await until(lambda: bool(relay.present) or not messengers)
            yield relay
        finally:
            task.cancel()


async def until(true: Callable[[], object], deadline_s: float = 10.0) -> None:
    """Turn the loop until something is true."""
    async with asyncio.timeout(deadline_s):
        while not true():
            await asyncio.sleep(0.001)


async def exchanged(one: socket.socket, two: socket.socket) -> None:
    """See that bytes pass both ways."""
    loop = asyncio.get_running_loop()
    for sender, receiver in ((one, two), (two, one)):
        await loop.sock_sendall(sender, b"hello")
        assert await loop.sock_recv(receiver, 100) == b"hello"
