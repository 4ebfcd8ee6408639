"""Messengers and clients of them on loopback, for tests of the relay."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from components.mesh.delivery import State
from components.mesh.doors import Door, bind
from components.mesh.mailbox import Mailbox
from components.mesh.mailbox import Pace as MailPace
from components.mesh.relay import NO_DOORS, Pace, Relay
from components.mesh.roster import Messenger as Where
from components.mesh.writer import Writer
from components.messenger import depot
from components.messenger.depot import Shares
from components.messenger.letters import Post
from components.messenger.server import Limits, Messenger
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import CAROL

QUICK = MailPace(linger_s=0.2, again_s=0.02, longest_s=0.2)
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


@asynccontextmanager
async def post_office(
    path: Path, identity: Identity = CAROL, shares: Shares | None = None
) -> AsyncIterator[tuple[Messenger, Where]]:
    """A messenger that keeps letters in `path`."""
    it = Messenger(identity)
    async with Writer(path, depot.SCHEMA) as writer:
        it.keep(Post(writer, shares=shares, may=it.is_allowed))
        async with serving(it, identity) as where:
            yield it, where


@asynccontextmanager
async def mail(
    identity: Identity,
    path: Path,
    messengers: Sequence[Where],
    *,
    present: bool = True,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Mailbox]:
    """A mailbox in use; where it is `present` it gets letters. All keys are found at all messengers."""

    async def find(_: PublicKey) -> Sequence[Where]:
        return messengers

    async with Mailbox(identity, path, find, pace=QUICK, clock=clock) as mailbox:
        relay = Relay(identity, messengers=messengers, pace=HURRIED, methods=mailbox.methods)
        mailbox.use(relay)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(mailbox.run())]
            if present:
                running.append(tasks.create_task(relay.run()))
            try:
                yield mailbox
            finally:
                for task in running:
                    task.cancel()


async def told(mailbox: Mailbox, id_: bytes, state: State) -> None:
    """Wait until a letter came so far."""
    async with asyncio.timeout(15):
        while await mailbox.state(id_) != state:
            await asyncio.sleep(0.005)
