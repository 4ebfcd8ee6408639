"""Other clusters in one daemon: begun on the host that has its cluster's key, with the first roster.

Every other host of the cluster only takes the orders of that gateway. A home without a cluster loads nothing
of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from viscript.cluster.book import Book
from viscript.cluster.links.api import Caller, Stream
from viscript.daemon.finding import Finding
from viscript.daemon.tasks import Tasks
from viscript.daemon.world import World
from viscript.errors import ExitCode, VerbError
from viscript.store.memory import Memory
from viscript.store.writer import StoreError

if TYPE_CHECKING:
    from signal_bus.identity import Identity
    from signal_bus.ids import PublicKey
    from viscript.cluster.pairing.bymesh import Mesh
    from viscript.cluster.peering.errand import Came
    from viscript.cluster.peering.gate import Gate
    from viscript.cluster.peering.gateway import Gateway
    from viscript.cluster.peering.guest import Carry, Guests
    from viscript.cluster.peering.standing import Peering
    from viscript.cluster.peering.terms import Ask
    from viscript.verbs.table import Role

log = logging.getLogger(__name__)

PORT: Final = "peering.port"  # where this host listens for other clusters, if somebody asked for it
ADDRESSES_MAX: Final = 8


class PeeringSide:
    """`begin` it when the door is there; `world.peering` is this one. `gateway` is None on other hosts."""

    def __init__(
        self,
        world: World,
        book: Book,
        memory: Memory,
        tasks: Tasks,
        *,
        label: Callable[[], str],
        hosts: Callable[[], list[str]],
        mesh: Callable[[], Mesh],
    ) -> None:
        """`hosts` gives the addresses at which this host is reached."""
        self.gateway: Gateway | None = None
        self._world = world
        self._book = book
        self._memory = memory
        self._tasks = tasks
        self._label = label
        self._hosts = hosts
        self._mesh = mesh
        self._finding = Finding(world, world.events)
        self._carry: Carry | None = None
        self._guests: Guests | None = None
        self._known: PublicKey | None = None  # the gateway, on other hosts
        self._opening = False
        self._running: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = lambda: None

    async def begin(self, carry: Carry) -> None:
        """From now on; `carry` brings what other clusters began to its end."""
        self._carry = carry
        self._world.peering = self
        self._unlisten = self._book.listen(lambda book: self._look())
        if self._book.is_founder:
            await self._open()

    def close(self) -> None:
        """Hang up on all."""
        self._unlisten()
        self._finding.close()
        self._world.peering = None
        if self.gateway is not None:
            self.gateway.gate.close()

    async def serve(self, stream: Stream, caller: Caller) -> None:
        """Take an order of this cluster's gateway, for the streams of the kind "guest"."""
        from viscript.cluster.peering.seat import serve
        from viscript.cluster.peering.warrant import META, is_warrant

        if not is_warrant(stream.meta.get(META, ""), self._book.cluster, caller.key):
            log.warning("host=%s speaks for another cluster and is not the gateway", caller.label)
            await stream.close("not-permitted", "only this cluster's gateway speaks for other clusters")
            return
        await serve(self._made_guests(), stream, caller)

    async def serve_errand(self, stream: Stream, caller: Caller) -> None:
        """Ask another cluster for a host of this one, for the streams of the kind "abroad"."""
        from viscript.cluster.peering.errand import serve

        await serve(self.gateway, self._world.table, stream, caller)

    async def ask(self, cluster: str, ask: Ask, role: Role) -> Came:
        """Ask another cluster, here or by the host that is the gateway. Raises `VerbError`."""
        from viscript.cluster.peering.errand import Errand, run, send

        errand = Errand(cluster=cluster, ask=ask)
        if self.gateway is not None:
            return await run(self.gateway, self._world.table, errand, role)
        if self._world.links is None:
            raise VerbError(ExitCode.FAILED, "this host is in no cluster; begin one with: host invite")
        came, self._known = await send(self._world.links, errand, self._known)
        return came

    def addresses(self) -> tuple[str, ...]:
        """Where other clusters reach this one on TCP."""
        port = self.gateway.gate.port if self.gateway is not None else None
        if port is None:
            return ()
        shown = [f"[{host}]" if ":" in host else host for host in self._hosts()]
        return tuple(f"tcp://{host}:{port}" for host in shown)[:ADDRESSES_MAX]

    async def listen(self, gateway: Gateway, port: int | None) -> None:
        """Listen on TCP, now and after a restart. Raises `VerbError`, `StoreError`."""
        found = gateway.gate.listen(port)
        await self._memory.set_value(PORT, str(found).encode())

    async def deaf(self, gateway: Gateway) -> None:
        """Listen on TCP no more. Raises `StoreError`."""
        gateway.gate.deaf()
        await self._memory.forget_value(PORT)

    def _look(self) -> None:
        """This host founded a cluster, or left it."""
        if self._book.is_founder and self.gateway is None and not self._opening:
            self._opening = True
            self._tasks.run(self._guarded_open())
        elif not self._book.is_founder and self.gateway is not None:
            gone, self.gateway = self.gateway, None
            gone.gate.close()
            if self._running is not None:
                self._running.cancel()
            self._tasks.run(self._forget(gone))

    async def _guarded_open(self) -> None:
        try:
            await self._open()
        except StoreError as exc:
            log.error("other clusters are not known for now: %s", exc)
        except Exception:  # a bug here must not end the daemon: its apps need it
            log.exception("other clusters are not known for now")
        finally:
            self._opening = False
        if not self._book.is_founder:  # it has left its cluster meanwhile
            self._look()

    async def _open(self) -> None:
        from viscript.cluster.peering.fanout import Fanout
        from viscript.cluster.peering.gate import Gate
        from viscript.cluster.peering.gateway import Gateway
        from viscript.cluster.peering.register import Register
        from viscript.cluster.peering.ways import Ways

        register = Register(self._memory)
        await register.open()
        register.listen(self._tell)

        def gate(made: Gateway) -> Gate:
            return Gate(
                self._tasks.run,
                made.own,
                made.reply,
                self._mesh,
                self._world.home.clusters_socket,
                is_wanted=made.is_wanted,
            )

        self.gateway = Gateway(
            book=self._book,
            register=register,
            fanout=Fanout(self._made_guests(), lambda: self._world.links, self._warrant),
            ways=Ways(self._mesh, self._finding.find),
            found=self._publish,
            gate=gate,
            label=self._label,
            addresses=self.addresses,
        )
        await self._open_gate(self.gateway)
        self._running = self._tasks.run(self._run_for_ever(self.gateway))

    async def _open_gate(self, gateway: Gateway) -> None:
        try:
            if (port := await self._memory.number(PORT)) is not None:
                gateway.gate.listen(port)
        except VerbError as exc:
            log.error("other clusters cannot reach this one: %s", exc)

    async def _run_for_ever(self, gateway: Gateway) -> None:
        while True:
            try:
                await gateway.run()
            except Exception:  # a bug here must not end the daemon: its apps need it
                log.exception("speaking to other clusters failed; it begins anew")

    async def _forget(self, gone: Gateway) -> None:
        """Consent was given by the cluster that was left."""
        try:
            await gone.register.clear()
            await self._memory.forget_value(PORT)
        except StoreError as exc:
            log.error("peerings of the cluster that was left are not forgotten: %s", exc)

    async def _publish(self, cluster: Identity) -> None:
        """Be found by the cluster's key, where an app leads over the mesh."""
        await self._finding.publish(cluster, self._mesh().visor)

    def _warrant(self) -> str:
        """What shows the other hosts that this one is the gateway; nothing once it is not."""
        from viscript.cluster.peering.warrant import warrant

        signer = self._book.signer() if self._book.is_founder else None
        return warrant(signer, self._book.identity.public_key) if signer is not None else ""

    def _made_guests(self) -> Guests:
        if self._guests is None:
            from viscript.cluster.peering.guest import Guests

            assert self._carry is not None, "`begin` came first"
            self._guests = Guests(self._world, self._carry)
        return self._guests

    def _tell(self, before: Peering, after: Peering) -> None:
        """Events of what others said, and of what began and ended."""
        from viscript.cluster.peering.standing import told

        kind = told(before.standing, after.standing)
        if kind:
            key = after.key.hex()
            self._world.events.tell(
                kind,
                f"cluster/{after.called}",
                now=time.time(),
                public_key=key,
                label=after.label,
                name=after.name,
            )
