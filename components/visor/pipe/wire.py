"""The two pipes to an app: frames out in order, requests with ids and deadlines, frames in.

All is called by the loop; there is no task. Ids are given lowest first, at most 255 at a time: the app
crashes beyond.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from components.mesh.errors import Gone, RemoteError, TimedOut, WireError
from components.visor.pipe.frame import IDS, INIT_MAX, Cutter, Frame, Type, encode

READ_BYTES: Final = 256 * 1024
REQUEST_S: Final = 30.0
WAITING_MAX: Final = 32 * 1024 * 1024  # all ids of both sides, each with the longest frame


class Wire:
    """Owns both descriptors. `take` gets the app's own frames; `ended` is called once, with why."""

    def __init__(
        self, read: int, write: int, take: Callable[[Frame], None], ended: Callable[[str], None]
    ) -> None:
        self.why = ""
        self._read_end, self._write_end = read, write
        self._take = take
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._cutter = Cutter(INIT_MAX)
        self._waiting = bytearray()
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._free = asyncio.Semaphore(IDS)
        for descriptor in (read, write):
            os.set_blocking(descriptor, False)
        self._loop.add_reader(read, self._read)

    async def ask(self, type: Type, body: bytes, *, deadline_s: float | None = REQUEST_S) -> bytes:
        """The body of the app's Success. Raises `RemoteError` with its words, `TimedOut` or `Gone`."""
        await self._free.acquire()
        if self.why:
            self._free.release()
            raise Gone(self.why)
        id = next(number for number in range(IDS) if number not in self._asked)
        reply: asyncio.Future[bytes] = self._loop.create_future()
        self._asked[id] = reply  # until the app answers, waited for or not: so the id is not used twice
        self._write(encode(type, id, body))
        try:
            async with asyncio.timeout(deadline_s):
                return await reply
        except TimeoutError as exc:
            raise TimedOut(f"{type.name} by the app", deadline_s or 0) from exc

    def succeed(self, id: int, body: bytes = b"null") -> None:
        """Answer a frame of the app."""
        self._write(encode(Type.SUCCESS, id, body))

    def fail(self, id: int, why: str) -> None:
        """Answer that it cannot be."""
        self._write(encode(Type.FAILURE, id, why.encode()[:1000]))

    # -- out

    def _write(self, data: bytes) -> None:
        if self.why:
            return
        empty = not self._waiting
        self._waiting += data
        if len(self._waiting) > WAITING_MAX:
            self.end("the app reads nothing")
        elif empty:
            self._flush()

    def _flush(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._write_end, self._waiting)]
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._write_end, self._flush)
        except OSError:
            self._loop.call_soon(self.end, "the app closed its pipe")
            self._waiting.clear()
            self._loop.remove_writer(self._write_end)
        else:
            self._loop.remove_writer(self._write_end)

    # -- in

    def _read(self) -> None:
        try:
            data = os.read(self._read_end, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self.end("the app closed its pipe")
            return
        self._cutter.feed(data)
        try:
            for frame in self._cutter.frames():
                self._hear(frame)
        except WireError as exc:
            self.end(f"the app broke the protocol: {exc}")

    def _hear(self, frame: Frame) -> None:
        if not frame.is_reply:
            self._take(frame)
            return
        reply = self._asked.pop(frame.id, None)
        if reply is None:
            return
        self._free.release()
        if reply.done():
            return  # nobody waits any more
        if frame.type == Type.SUCCESS:
            reply.set_result(frame.body)
        else:
            reply.set_exception(RemoteError("failed", frame.body.decode("utf-8", "replace")))

    def end(self, why: str) -> None:
        """Close both pipes; who waits for an answer gets `Gone`."""
        if self.why:
            return
        self.why = why
        self._loop.remove_reader(self._read_end)
        self._loop.remove_writer(self._write_end)
        for descriptor in (self._read_end, self._write_end):
            with suppress(OSError):
                os.close(descriptor)
        for reply in self._asked.values():
            if not reply.done():
                reply.set_exception(Gone(why))
            self._free.release()
        self._ended(why)
