"""The daemon's end of the keeper's socket: requests with deadlines, events in order, and its return.

One reader owns the socket. When the keeper goes away every pending request fails at once with
`gone`; the link then starts or finds the next keeper, says hello with the same epoch, gives back
the descriptors it held for it, and hands the keeper's records to `resync`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

from viscript.keeper.protocol import MOST_FDS, Lines, ProtocolError, encode
from viscript.keeper.protocol import KeeperError as ProtocolRoot
from viscript.supervisor.keeper_port import KeeperError

log = logging.getLogger(__name__)

READ_BYTES: Final = 8 * 1024  # some forty events: what else the daemon has to do waits no longer than that
WRITE_LIMIT: Final = 64 * 1024 * 1024
HELLO_SECONDS: Final = 10.0
MOST_UNTOLD: Final = 10_000
GONE: Final = "gone"
STALE: Final = "stale-epoch"  # the keeper obeys a newer daemon
RETRY_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Json = dict[str, Any]  # a JSON object as the keeper sent it


class Listener(Protocol):
    """Who is told what the keeper says."""

    def resync(self, hello: Json) -> None:
        """A keeper was found: its records and what it missed to tell."""

    def event(self, event: Json) -> None:
        """One event, in order."""

    def lost(self) -> None:
        """The keeper went away."""


class KeeperLink:
    """Implements `keeper_port.Keeper` over the socket of one home."""

    def __init__(
        self,
        *,
        find: Callable[[], socket.socket],
        epoch: int,
        version: str,
        cursor: int | None,
        keeper_argv: Sequence[str] = (),
    ) -> None:
        self._find = find
        self._epoch = epoch
        self._version = version
        self._cursor = cursor
        self._keeper_argv = list(keeper_argv) or None
        self._socket: socket.socket | None = None
        self._lines = Lines()
        self._pending: dict[int, asyncio.Future[Json]] = {}
        self._number = 0
        self._unsent = bytearray()
        self._writing = False  # whether what is unsent will be sent by itself
        self._gone = asyncio.Event()
        self._connected = asyncio.Event()
        self._untold: deque[bytes] = deque(maxlen=MOST_UNTOLD)
        self._received: list[int] = []
        self._early: list[Json] | None = None  # events that came before the records were taken over
        self._dismissed = False
        self._upgraded = False
        self._met = False  # whether a keeper has ever obeyed us
        self.keeper_pid = 0
        self.listener: Listener
        self.superseded: Callable[[], None] = lambda: None  # told when a newer daemon gives the orders

    @property
    def cursor(self) -> int | None:
        """The cursor of the newest event the daemon has seen."""
        return self._cursor

    @property
    def epoch(self) -> int:
        """Which daemon of this home we are to the keeper."""
        return self._epoch

    async def connect(self) -> None:
        """Find or start the keeper and take it over. Raises `KeeperError`."""
        loop = asyncio.get_running_loop()
        try:
            sock = await loop.run_in_executor(None, self._find)
        except (OSError, ProtocolRoot) as exc:
            raise KeeperError(GONE, f"the keeper cannot be reached: {exc}") from exc
        sock.setblocking(False)
        self._socket, self._lines = sock, Lines()
        self._unsent.clear()
        self._writing = False
        self._gone.clear()
        self._early = []
        loop.add_reader(sock, self._readable)
        try:
            async with _deadline("hello", HELLO_SECONDS):
                hello = await self._hello()
        except BaseException:
            self.close()
            raise
        _reap(self.keeper_pid)
        self.keeper_pid = int(hello["keeper_pid"])
        self._offer_upgrade(str(hello.get("version")))
        self._taken_over(hello)

    async def _hello(self) -> Json:
        """Be the keeper's daemon. Who comes up holds the home's lock: it is the newest, whatever was lost."""
        try:
            hello = await self._ask_once("hello", self._greeting())
        except KeeperError as exc:
            if self._met or exc.code != STALE:
                raise
            self._epoch = int((await self._ask_once("ping", {})).get("epoch", self._epoch)) + 1
            log.error("the store forgot earlier daemons of this home: this one is epoch=%d", self._epoch)
            hello = await self._ask_once("hello", self._greeting())
        self._met = True
        return hello

    def _offer_upgrade(self, version: str) -> None:
        """A keeper of another version becomes ours in place: same pid, same apps. Asked once."""
        if version != self._version and not self._upgraded:
            self._upgraded = True
            log.info("keeper version=%s is asked to become version=%s", version, self._version)
            self._untold.append(encode({"id": 0, "op": "upgrade", "argv": self._keeper_argv}))

    def _taken_over(self, hello: Json) -> None:
        """First its records, then what it told meanwhile, then what it was not told."""
        since = self._cursor
        if self._cursor is None:  # from here on all is heard, also by a daemon that comes after this one
            self._cursor = int(hello.get("cursor") or 0)
        self.listener.resync({**hello, "since": since})
        early, self._early = self._early or [], None
        for event in early:
            self._hear(event)
        if self._socket is None:
            return  # it went away again; the next one gets the rest
        self._connected.set()
        while self._untold:
            self._send(self._untold.popleft())

    def _greeting(self) -> Json:
        return {"epoch": self._epoch, "pid": os.getpid(), "version": self._version, "cursor": self._cursor}

    def dismiss(self) -> None:
        """Send the keeper away for good: nothing runs any more, and no other is looked for."""
        self._dismissed = True
        self.tell("shutdown", stop_all=False)

    async def stay_connected(self, found: Callable[[], None]) -> None:
        """Wait for the keeper to go away, find the next one, for ever; `found` is called after each."""
        while True:
            await self._gone.wait()
            self.listener.lost()
            await self._reconnect()
            found()

    async def _reconnect(self) -> None:
        attempt = 0
        while True:
            try:
                await self.connect()
            except KeeperError as exc:
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                log.warning("keeper not back: %s; again in %g s", exc, pause)
                attempt += 1
                await asyncio.sleep(pause)
            else:
                return

    async def ask(self, op: str, *, deadline: float | None = 10.0, **fields: Any) -> Json:
        """Send one request and wait for its answer; one that a dying keeper swallowed is sent to the next.

        What must not be done behind our back is asked without a deadline: a keeper that was frozen carries it
        out when it thaws, and nobody may have been told by then that it failed.

        Every operation may be sent twice: what was done already is refused as `exists` or changes nothing.
        """
        if deadline is None:
            return await self._ask_whoever_comes(op, fields)
        async with _deadline(op, deadline):
            return await self._ask_whoever_comes(op, fields)

    async def _ask_whoever_comes(self, op: str, fields: Json) -> Json:
        while True:
            await self._connected.wait()
            try:
                return await self._ask_once(op, fields)
            except KeeperError as exc:
                if exc.code != GONE:
                    raise

    async def _ask_once(self, op: str, fields: Json) -> Json:
        self._number += 1
        number = self._number
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            self._send(encode({"id": number, "op": op, **fields}))
            return await future
        finally:
            self._pending.pop(number, None)

    def tell(self, op: str, **fields: Any) -> None:
        """Send one request whose answer nobody waits for; the next keeper gets it when this one is away."""
        self._number += 1
        line = encode({"id": self._number, "op": op, **fields})
        try:
            if self._connected.is_set():
                self._send(line)
            else:
                self._untold.append(line)
        except KeeperError as exc:
            log.warning("not told: op=%s %s", op, exc)

    def give(self, fields: Json, fds: Sequence[int]) -> None:
        """Hand descriptors to the keeper beside one request."""
        self._number += 1
        line = encode({"id": self._number, "op": "give", "fds": len(fds), **fields})
        self._write()
        if self._socket is None or self._unsent:
            log.warning("descriptors not given: the keeper is away or busy")
            return
        try:
            sent = socket.send_fds(self._socket, [line], list(fds))
        except OSError as exc:
            log.warning("descriptors not given: %s", exc)
            return
        if sent < len(line):
            self._send(line[sent:])

    def _send(self, data: bytes) -> None:
        """Queue bytes; what one turn of the loop queues is one write."""
        if self._socket is None:
            raise KeeperError(GONE, "the keeper is away; it is being started again")
        if len(self._unsent) + len(data) > WRITE_LIMIT:
            raise KeeperError("busy", "the keeper does not read its requests")
        self._unsent += data
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if self._socket is None:
            return  # it went away meanwhile
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            self._writing = True
            loop.add_writer(self._socket, self._write)
            return
        except OSError as exc:
            self._hang_up(f"write: {exc}")
            return
        self._writing = False
        loop.remove_writer(self._socket)

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, READ_BYTES, MOST_FDS)
        except BlockingIOError:
            return
        except OSError as exc:
            self._hang_up(f"read: {exc}")
            return
        self._received += fds
        if not data:
            self._hang_up("closed")
            return
        try:
            for message in self._lines.feed(data):
                self._take(message)
        except ProtocolError as exc:
            self._hang_up(str(exc))

    def _take(self, message: Json) -> None:
        if "re" in message:
            self._answered(message)
            return
        if self._early is None:
            self._hear(message)
        else:
            self._early.append(message)

    def _hear(self, message: Json) -> None:
        cursor = message.get("cursor")
        if isinstance(cursor, int):
            self._cursor = cursor
        try:
            self.listener.event(message)
        except Exception:  # a bug in handling one event must not end the link
            log.exception("keeper event %s failed", message.get("ev"))

    def _answered(self, message: Json) -> None:
        number, result, error = message["re"], message.get("ok"), message.get("err")
        count = message.get("fds", 0)
        if not (isinstance(result, dict) or isinstance(error, dict)) or not isinstance(count, int):
            raise ProtocolError(f"an answer to request {number} without a result")
        if isinstance(error, dict) and error.get("code") == STALE and self._met:
            self.superseded()
        future = self._pending.pop(number, None)
        fds, self._received = self._received[:count], self._received[count:]
        if future is None or future.done():
            _close_all(fds)
            if isinstance(error, dict):
                log.info("keeper refused request=%s: %s", number, error.get("text"))
        elif isinstance(error, dict):
            future.set_exception(KeeperError(str(error.get("code")), str(error.get("text"))))
        else:
            assert isinstance(result, dict)
            future.set_result({**result, "fds": fds} if fds else result)

    def _hang_up(self, why: str) -> None:
        log.warning("keeper connection: %s", why)
        self.close()
        if not self._dismissed:
            self._gone.set()

    def close(self) -> None:
        """Leave the keeper alone; the apps do not notice. What was asked before is still sent."""
        if self._socket is None:
            return
        with suppress(OSError):  # it may be gone
            self._socket.send(self._unsent)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        self._connected.clear()
        _close_all(self._received)
        self._received = []
        for future in self._pending.values():
            if not future.done():
                future.set_exception(KeeperError(GONE, "the keeper went away"))
        self._pending.clear()


@asynccontextmanager
async def _deadline(op: str, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise KeeperError("timeout", f"the keeper did not answer {op} within {seconds:g} s") from None


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _reap(pid: int) -> None:
    """A keeper that we started ourselves and that died is our child to bury."""
    try:
        if pid:
            os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
