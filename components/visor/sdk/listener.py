"""A port of an app: the streams and messages that come to it.

    async with app.listen(3) as listener:
        async for stream in listener:
            ...

Both wait in queues with bounds: a stream too many is closed, so that the peer's app sees its end; of messages
the oldest is dropped.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

from components.visor.apps.messages import Datagram
from components.visor.sdk.errors import Misuse, VisorGone
from components.visor.sdk.stream import Stream
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

BACKLOG: Final = 256
T = TypeVar("T")


class Message(NamedTuple):
    """A datagram-like message; answer it with `app.send(message.pk, message.port, ...)`."""

    pk: PublicKey
    port: int  # of the sender; 0 when it listens on none
    data: bytes


class Ports(Protocol):
    """What a listener asks of its app."""

    async def claim(self, listener: "Listener", port: int) -> int:
        """The port that is the listener's now."""

    async def release(self, listener: "Listener") -> None:
        """It is no more."""


class Inbox(Generic[T]):
    """What came and was not taken yet. `put` tells whether there was room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._came = asyncio.Event()
        self._why = ""

    def put(self, item: T) -> bool:
        """Add one, if there is room."""
        if self._why or len(self._items) >= self._most:
            return False
        self._items.append(item)
        self._came.set()
        return True

    def drop_oldest(self) -> T | None:
        """Make room."""
        return self._items.popleft() if self._items else None

    async def get(self) -> T:
        """The next one. Raises `VisorGone` when there can be no more."""
        while not self._items:
            if self._why:
                raise VisorGone(self._why)
            self._came.clear()
            await self._came.wait()
        return self._items.popleft()

    def end(self, why: str) -> None:
        """No more will come."""
        self._why = self._why or why
        self._came.set()


class Listener:
    """One port. It is asked for by `async with`, by `await`, or by the first stream that is waited for."""

    def __init__(self, ports: Ports, port: int, *, backlog: int = BACKLOG) -> None:
        self.port = port  # 0 until the visor gave one
        self._ports = ports
        self._streams: Inbox[Stream] = Inbox(backlog)
        self._messages: Inbox[Message] = Inbox(backlog)
        self._claimed = self._closed = False

    def __await__(self) -> Generator[object, None, Self]:
        return self._claim().__await__()

    async def __aenter__(self) -> Self:
        return await self._claim()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Stream]:
        """The streams, until the listener is closed or the visor goes (then: `VisorGone`)."""
        while not self._closed:
            try:
                yield await self.accept()
            except VisorGone:
                if not self._closed:
                    raise

    async def accept(self) -> Stream:
        """The next stream. Raises `VisorGone`."""
        await self._claim()
        return await self._streams.get()

    async def receive(self) -> Message:
        """The next message. Raises `VisorGone`."""
        await self._claim()
        return await self._messages.get()

    async def close(self) -> None:
        """Give the port back, and close the streams that nobody accepted."""
        if self._closed:
            return
        self._closed = True
        self.end("the listener was closed")
        if self._claimed:
            await self._ports.release(self)

    async def _claim(self) -> Self:
        if self._closed:
            raise Misuse("the listener was closed")
        if not self._claimed:
            self._claimed = True
            try:
                self.port = await self._ports.claim(self, self.port)
            except BaseException:
                self._claimed = False
                raise
        return self

    # -- what the app's connection tells

    def came(self, stream: Stream) -> None:
        """A peer opened a stream."""
        if not self._streams.put(stream):
            log.warning("closed a stream to port=%d: too many wait to be accepted", self.port)
            stream.close()

    def message(self, note: Datagram) -> None:
        """A peer sent a message."""
        message = Message(PublicKey(note.pk), note.rport, note.data)
        if not self._messages.put(message):
            self._messages.drop_oldest()
            self._messages.put(message)

    def end(self, why: str) -> None:
        """Nothing more can come."""
        self._streams.end(why)
        self._messages.end(why)
        while (stream := self._streams.drop_oldest()) is not None:
            stream.close()
