"""A bare ROUTER in the place of a signal server, for tests of clients: says only what the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import zmq

from signal_bus.codec import Packet, decode
from signal_bus.kinds import CLIENT_KINDS
from signal_bus.membership import Membership
from signal_bus.reactor import Channel, Socket
from signal_bus.testing import until


class Router:
    """Talks with the one client that connects."""

    def __init__(self, endpoint: str) -> None:
        self.received: list[Packet] = []
        self._who = b""
        self._context: zmq.Context[Socket] = zmq.Context()
        socket = self._context.socket(zmq.ROUTER)
        socket.bind(endpoint)
        self._channel = Channel(socket, self._take)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._channel.close()
        self._context.term()

    def _take(self, socket: Socket) -> None:
        self._who, data = socket.recv_multipart(zmq.NOBLOCK)
        self.received.append(decode(data, CLIENT_KINDS))

    @asynccontextmanager
    async def running(self, member: Membership) -> AsyncIterator[asyncio.TaskGroup]:
        """Run a membership, and tasks beside it; it leaves at the end."""
        context: zmq.Context[Socket] = zmq.Context()
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(member.run(context, None))
            yield tasks
            member.leave("the test is over")
            run.cancel()
        context.term()

    async def receive(self, tag: str) -> Packet:
        """The next message, which must be of that kind."""
        await until(lambda: self.received)
        packet = self.received.pop(0)
        assert packet.kind.tag == tag, packet
        return packet

    def send(self, data: bytes) -> None:
        """Send to the client."""
        self._channel.send((self._who, data))
