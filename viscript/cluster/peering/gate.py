"""Where gateways of other clusters connect: a unix socket that the mesh leads to; TCP if asked for.

Who connects has proved nothing yet: the pairing's listener bounds the TCP side, and here a bound holds for
all connections, one for each cluster, and one for how often a cluster may speak.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from signal_bus.budget import Budget
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.pairing.listener import Listener, Run
from viscript.cluster.peering import channel
from viscript.cluster.peering.sealed import BadChannel
from viscript.cluster.peering.terms import BadTerms, Question, Reply

log = logging.getLogger(__name__)

PORT: Final = 7793
UNPROVED_MAX: Final = 64  # by the unix socket, that have not proved a key
CONNECTIONS_MAX: Final = 128  # that have
OF_ONE_MAX: Final = 8  # of one cluster
RATE: Final = 5.0  # questions a second, of one cluster
BURST: Final = 40.0
KEYS_MAX: Final = 512  # whose budgets are kept
_BACKLOG: Final = 64
_PAUSE_S: Final = 0.2


class TooMany(BadChannel):
    """The other cluster speaks too often, or too many do."""


class Gate:
    """`open` and `close` it as often as needed; `reply` answers whoever has proved a key."""

    def __init__(
        self,
        run: Run,
        own: Callable[[], Identity | None],
        reply: Callable[[PublicKey, Question], Awaitable[Reply]],
    ) -> None:
        self._run = run
        self._own = own
        self._reply = reply
        self._tcp = Listener(run, self._guarded, usual=PORT, whom="peer cluster")
        self._local: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._unproved = 0
        self._proved: dict[asyncio.Task[None], PublicKey] = {}
        self._budgets: dict[PublicKey, Budget] = {}

    @property
    def port(self) -> int | None:
        """Where it listens on TCP; None where it does not."""
        return self._tcp.port

    def open(self, path: str) -> None:
        """Listen at a unix socket, in place of one that a dead daemon left. Raises `OSError`."""
        if self._local is None:
            self._local = _listening(path)
            self._accepting = self._run(self._accept(self._local))

    def listen(self, port: int | None = None) -> int:
        """Listen on TCP too, at the usual port or a free one unless one is named. Raises `VerbError`."""
        return self._tcp.open(port)

    def deaf(self) -> None:
        """Listen on TCP no more."""
        self._tcp.close()

    def close(self) -> None:
        """Listen no more, and hang up on all."""
        self._tcp.close()
        if self._accepting is not None:
            self._accepting.cancel()
        if self._local is not None:
            with contextlib.suppress(OSError):
                Path(self._local.getsockname()).unlink()
            self._local.close()
        self._local = self._accepting = None
        for task in tuple(self._proved):
            task.cancel()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError as exc:
                log.warning("cannot accept another cluster: %s", exc)
                await asyncio.sleep(_PAUSE_S)
                continue
            if self._unproved >= UNPROVED_MAX:
                sock.close()
            else:
                self._unproved += 1
                self._take(sock)

    def _take(self, sock: socket.socket) -> None:
        waiting = True

        def proved() -> None:
            nonlocal waiting
            self._unproved -= waiting
            waiting = False

        def done(_: asyncio.Task[None]) -> None:
            proved()
            sock.close()  # also of a task that never began

        self._run(self._guarded(sock, proved)).add_done_callback(done)

    async def _guarded(self, sock: socket.socket, let_go: Callable[[], None] = lambda: None) -> None:
        try:
            await self._serve(sock, let_go)
        except OSError as exc:
            log.debug("another cluster left: %s", exc)
        except Exception:  # a bug in one conversation must not end the daemon
            log.exception("serving another cluster failed")

    async def _serve(self, sock: socket.socket, let_go: Callable[[], None]) -> None:
        own, task = self._own(), asyncio.current_task()
        if own is None or task is None:
            return

        def proved(key: PublicKey) -> None:
            self._tcp.known(task)
            let_go()
            self._admit(task, key)

        try:
            await channel.answer(sock, own, self._reply, proved=proved)
        except (BadChannel, BadTerms, TimeoutError) as exc:
            log.info("another cluster is not answered: %s", str(exc) or "too slow")
        finally:
            self._proved.pop(task, None)

    def _admit(self, task: asyncio.Task[None], key: PublicKey) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._proved) >= CONNECTIONS_MAX or list(self._proved.values()).count(key) >= OF_ONE_MAX:
            raise TooMany(f"{key.hex()[:16]}: too many conversations at once")
        if key not in self._budgets and len(self._budgets) >= KEYS_MAX:
            del self._budgets[next(iter(self._budgets))]
        if not self._budgets.setdefault(key, Budget(RATE, BURST, now)).take(now):
            raise TooMany(f"{key.hex()[:16]}: more than {RATE:g} questions a second")
        self._proved[task] = key


def _listening(path: str) -> socket.socket:
    """A socket for this user only. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        before = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(before)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
