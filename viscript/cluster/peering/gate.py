"""Where gateways of other clusters connect: a place of the mesh, and a TCP port if somebody asked for one.

Who connects has proved nothing yet: the pairing's listeners bound how many such connections there are, and
whose are put out for others. Here a bound holds for those that have proved a key, one for each cluster, and
one for how often it may speak.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from signal_bus.budget import Budget
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.pairing.bymesh import Mesh, MeshDoor
from viscript.cluster.pairing.listener import Listener, Run
from viscript.cluster.peering import channel
from viscript.cluster.peering.sealed import BadChannel
from viscript.cluster.peering.terms import BadTerms, Question, Reply
from viscript.cluster.peering.ways import PLACE
from viscript.errors import VerbError

log = logging.getLogger(__name__)

PORT: Final = 7793
CONNECTIONS_MAX: Final = 128  # that have proved a key
STRANGERS_MAX: Final = 32  # of those, clusters to which ours never said yes: a key costs nothing
OF_ONE_MAX: Final = 8  # of one cluster
RATE: Final = 5.0  # questions a second, of one cluster
BURST: Final = 40.0
KEYS_MAX: Final = 512  # whose budgets are kept
_WHOM: Final = "peer cluster"


class TooMany(BadChannel):
    """The other cluster speaks too often, or too many do."""


class Gate:
    """`reply` answers whoever has proved a key; `path` is where the mesh leads to.

    `is_wanted` tells the clusters to which ours has said yes: strangers take no room of theirs.
    """

    def __init__(
        self,
        run: Run,
        own: Callable[[], Identity | None],
        reply: Callable[[PublicKey, Question], Awaitable[Reply]],
        mesh: Callable[[], Mesh],
        path: str,
        *,
        is_wanted: Callable[[PublicKey], bool],
    ) -> None:
        self._own = own
        self._is_wanted = is_wanted
        self._reply = reply
        self._visor = b""  # by which it can be found now
        self._tcp = Listener(run, lambda sock: self._guarded(self._tcp, sock), usual=PORT, whom=_WHOM)
        self._led = MeshDoor(
            run, lambda sock: self._guarded(self._led, sock), mesh, path, place=PLACE, whom=_WHOM
        )
        self._proved: dict[asyncio.Task[None], PublicKey] = {}
        self._budgets: dict[PublicKey, Budget] = {}

    @property
    def port(self) -> int | None:
        """Where it listens on TCP; None where it does not."""
        return self._tcp.port

    def listen(self, port: int | None = None) -> int:
        """Listen on TCP, at the usual port or a free one unless one is named. Raises `VerbError`."""
        return self._tcp.open(port)

    def deaf(self) -> None:
        """Listen on TCP no more."""
        self._tcp.close()

    async def follow_mesh(self) -> None:
        """Be found where there is a visor; said again and again, since that comes and goes."""
        visor = self._led.visor
        if visor == self._visor:
            return
        if visor:
            try:
                await self._led.open_place()
            except VerbError as exc:
                log.info("other clusters cannot come over the mesh yet: %s", exc)
                return
        self._visor = visor

    def close(self) -> None:
        """Listen no more, and hang up on all."""
        self._tcp.close()
        self._led.close()
        for task in tuple(self._proved):
            task.cancel()

    async def _guarded(self, by: Listener, sock: socket.socket) -> None:
        try:
            await self._serve(by, sock)
        except OSError as exc:
            log.debug("another cluster left: %s", exc)
        except Exception:  # a bug in one conversation must not end the daemon
            log.exception("serving another cluster failed")

    async def _serve(self, by: Listener, sock: socket.socket) -> None:
        own, task = self._own(), asyncio.current_task()
        if own is None or task is None:
            return

        def proved(key: PublicKey) -> None:
            by.known(task)
            self._admit(task, key)

        try:
            await channel.answer(sock, own, self._reply, proved=proved)
        except (BadChannel, BadTerms, TimeoutError) as exc:
            known = task in self._proved  # strangers fill no log
            log.log(logging.INFO if known else logging.DEBUG, "not answered: %s", str(exc) or "too slow")
        finally:
            self._proved.pop(task, None)

    def _admit(self, task: asyncio.Task[None], key: PublicKey) -> None:
        now = asyncio.get_running_loop().time()
        if self._is_full(key):
            raise TooMany(f"{key.hex()[:16]}: too many conversations at once")
        if key not in self._budgets and len(self._budgets) >= KEYS_MAX:
            del self._budgets[next(iter(self._budgets))]
        if not self._budgets.setdefault(key, Budget(RATE, BURST, now)).take(now):
            raise TooMany(f"{key.hex()[:16]}: more than {RATE:g} questions a second")
        self._proved[task] = key

    def _is_full(self, key: PublicKey) -> bool:
        """Whether there is no room for one more conversation of a cluster."""
        proved = list(self._proved.values())
        if len(proved) >= CONNECTIONS_MAX or proved.count(key) >= OF_ONE_MAX:
            return True
        return not self._is_wanted(key) and sum(not self._is_wanted(one) for one in proved) >= STRANGERS_MAX
