"""A client's side of the relay: stay known to a few messengers, reach a key through one, answer who comes.

    relay = Relay(identity, doors, messengers)
    tasks.create_task(relay.run())                       presence with two of them, for ever
    sock = await relay.dial(key, via=(messenger, ...))   a connected socket; `dial_over` secures it

Nothing here has to trust a messenger: it sees a session between the two keys, and can only refuse it.
A connection that comes is heard like one on the listening socket, and brought to the same doors.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.mesh.channel import ControlChannel, Method, Nothing
from components.mesh.doors import Door, show_in
from components.mesh.errors import Busy, Gone, MeshError, Unreachable
from components.mesh.ports import MeshPort
from components.mesh.relay_wire import Incoming, Through
from components.mesh.roster import Messenger, Roster
from components.mesh.session import dial, hear
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

KEEP: Final = 2
MAX_INCOMING: Final = 64  # being fetched
MAX_SERVED: Final = 1024  # connections behind our doors

NO_DOORS: Final[Mapping[int, Door]] = {}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a messenger is asked whether it is there, and how long each step may take.

    A frozen one is left after at most `ping_s + answer_s`, which is less than it needs to forget us.
    """

    ping_s: float = 5.0
    answer_s: float = 8.0
    dial_s: float = 5.0


class Relay:
    """Presence with `keep` messengers, connections through them, and those that come.

    `methods` are asked by messengers on the presence sessions; `present` tells the one who keeps letters.
    """

    def __init__(
        self,
        identity: Identity,
        doors: Mapping[int, Door] = NO_DOORS,
        messengers: Sequence[Messenger] = (),
        *,
        keep: int = KEEP,
        pace: Pace | None = None,
        methods: Callable[[Messenger], Mapping[str, Method]] = lambda _: {},
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._identity = identity
        self._doors = doors
        self._roster = Roster(messengers)
        self._keep = keep
        self._pace = pace or Pace()
        self._methods = methods
        self._changed = changed
        self._turn = asyncio.Event()
        self._incoming = 0
        self._serving = 0
        self._tasks: asyncio.TaskGroup | None = None
        self.present: dict[Messenger, ControlChannel] = {}

    def use(self, messengers: Sequence[Messenger]) -> None:
        """Use these messengers from now on, the favourite first; sessions with others end."""
        self._roster.replace(messengers)
        for messenger, channel in self.present.items():
            if messenger not in self._roster:
                channel.end("it is not to be used any more")
        self._wake()

    async def run(self) -> None:
        """Stay present, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                async with asyncio.TaskGroup() as places:
                    for _ in range(self._keep):
                        places.create_task(self._stay())
            finally:
                self._tasks = None

    async def dial(
        self, peer: PublicKey, via: Sequence[Messenger] = (), *, deadline_s: float | None = None
    ) -> socket.socket:
        """A connected socket to `peer`, through the first messenger that brings it; else through our own.

        Each has `deadline_s`. What is on it is not secured: dial `peer` over it. Raises the last one's error:
        `Refused`, `Unreachable`, `TimedOut`, another `MeshError`.
        """
        last: MeshError = Unreachable(peer.hex(), "no messenger is known for it")
        for messenger in via or tuple(self.present):
            try:
                return await self._through(messenger, Through(to=peer), deadline_s or self._pace.dial_s)
            except MeshError as exc:
                log.info("no way to=%s by messenger=%s: %s", peer.hex(), messenger.key.hex(), exc)
                last = exc
        raise last

    async def _through(self, messenger: Messenger, wish: Through, deadline_s: float) -> socket.socket:
        session = await dial(
            messenger.address,
            self._identity,
            messenger.key,
            MeshPort.RELAY,
            wish,
            deadline_s=deadline_s,
        )
        if session.leftover:  # the dialled key never speaks first
            session.close()
            raise Gone("the messenger said more than its answer")
        return session.socket

    # Presence.

    async def _stay(self) -> None:
        """Hold on to one messenger after another."""
        loop = asyncio.get_running_loop()
        while True:
            messenger = await self._chosen()
            started = loop.time()
            try:
                await self._hold(messenger)
            except MeshError as exc:
                log.warning("lost messenger=%s: %s", messenger.key.hex(), exc)
            finally:
                now = loop.time()
                # Chance here spreads load and is no secret.
                self._roster.lost(messenger, now, lasted_s=now - started, chance=random.random())  # noqa: S311
                self._wake()

    async def _chosen(self) -> Messenger:
        loop = asyncio.get_running_loop()
        while True:
            messenger = self._roster.choose(loop.time())
            if messenger is not None:
                return messenger
            turn = self._turn
            try:
                async with asyncio.timeout(self._roster.wait_s(loop.time())):
                    await turn.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        """Let those who wait for a messenger look again."""
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _hold(self, messenger: Messenger) -> None:
        """Be present at one messenger until that ends. Raises a `MeshError` that says why."""
        session = await dial(
            messenger.address,
            self._identity,
            messenger.key,
            MeshPort.PRESENCE,
            deadline_s=self._pace.dial_s,
        )
        methods = {
            **self._methods(messenger),
            "incoming": Method(Incoming, lambda told: self._told(messenger, told)),
            "replaced": Method(Nothing, lambda _: self._replaced(messenger)),
        }
        async with ControlChannel(session, methods) as channel:
            self.present[messenger] = channel
            log.info("present messenger=%s", messenger.key.hex())
            self._changed()
            try:
                await self._ping(channel)
            finally:
                del self.present[messenger]
                self._changed()

    async def _ping(self, channel: ControlChannel) -> None:
        """Ask again and again whether it is there. Raises `Gone` or `TimedOut` once it is not."""
        while True:
            try:
                async with asyncio.timeout(self._pace.ping_s):
                    await channel.ended.wait()
            except TimeoutError:
                await channel.call("ping", None, Nothing, deadline_s=self._pace.answer_s)
            else:
                raise Gone(channel.why)

    async def _replaced(self, messenger: Messenger) -> None:
        log.warning(
            "another program uses this identity too: it took our place at messenger=%s", messenger.key.hex()
        )

    # Those who come.

    async def _told(self, messenger: Messenger, told: Incoming) -> None:
        """Somebody wants a connection: go for it, not in the way of the next question."""
        if self._tasks is None or self._incoming >= MAX_INCOMING:
            raise Busy("connections that come", MAX_INCOMING)
        if self._serving >= MAX_SERVED:
            raise Busy("connections that came", MAX_SERVED)
        self._incoming += 1
        self._serving += 1
        self._tasks.create_task(self._fetched(messenger, told))

    async def _fetched(self, messenger: Messenger, told: Incoming) -> None:
        try:
            await self._fetch(messenger, told)
        except MeshError as exc:
            log.info("a connection came to nothing from=%s: %s", told.caller.hex(), exc)
        except Exception:  # a bug behind one door must not close the others
            log.exception("a visit failed from=%s", told.caller.hex())
        finally:
            self._serving -= 1

    async def _fetch(self, messenger: Messenger, told: Incoming) -> None:
        try:
            session = await dial(
                messenger.address,
                self._identity,
                messenger.key,
                MeshPort.RELAY,
                Through(token=told.token),
                deadline_s=self._pace.dial_s,
            )
            visitor = await hear(session.socket, self._identity, received=session.leftover)
        finally:
            self._incoming -= 1
        await show_in(visitor, self._doors)
