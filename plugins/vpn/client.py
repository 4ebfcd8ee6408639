"""`python -P -m plugins.vpn.client`: this host's packets go to an exit, by a device of their own."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from components.visor.app import App, AppError, PeerRefused, StreamReset, UnknownName
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from components.visor.kit.tasks import first_of
from plugins.vpn import leaks, needs, options
from plugins.vpn.holding import FAULTS, Holding
from plugins.vpn.host import Host
from plugins.vpn.journal import Journal
from plugins.vpn.life import ROLLBACK_S, Event, State
from plugins.vpn.link import Link, hello
from plugins.vpn.names import Asked
from plugins.vpn.needs import Lacking
from plugins.vpn.options import ClientOptions
from plugins.vpn.plan import DEVICE
from plugins.vpn.pump import Count
from plugins.vpn.serving import NOT_WELCOME
from plugins.vpn.stub import Stub
from plugins.vpn.tunnel import Tunnel
from plugins.vpn.undo import Undoable
from plugins.vpn.wire import Hello, Refused, VpnWireError
from signal_bus.client import RemoteError

log = logging.getLogger("plugins.vpn.client")  # it runs as __main__

AGAIN_S: Final = 1.0  # between two dials


class NoTunnel(Exception):
    """The exit gives none; the sentence says why."""


class Client:
    """A client with these options."""

    def __init__(self, given: ClientOptions) -> None:
        self._given = given
        self._visor = KeptVisor(lambda: App.connect(given.visor, name=given.name))
        self._stub = Stub(self._ask)
        self._abilities = (False, False)
        self._holding = Holding(guarded=given.wish.kill_switch)
        self._link: Link | None = None
        self._count = Count()  # of links that are over
        self._why = ""
        self._is_nobody = False  # the visor knows nobody by the peer's name

    # -- the process

    async def run(self, ready: process.Ready) -> None:
        """Keep the tunnel up for ever. Raises `AppError` or `CannotWork`."""
        try:
            self._abilities = needs.check()
            async with AsyncExitStack() as stack:
                stack.enter_context(needs.lock("client"))
                if self._given.names:
                    await stack.enter_async_context(self._stub)
                await self._work(ready)
        except FAULTS as exc:
            raise process.CannotWork(str(exc)) from exc

    async def _work(self, ready: process.Ready) -> None:
        joined = asyncio.Event()
        await first_of(self._visor.run(lambda app: joined.set()), self._with_visor(joined, ready))

    async def _with_visor(self, joined: asyncio.Event, ready: process.Ready) -> None:
        await joined.wait()
        mark = await self._mark()
        tunnel = Tunnel(self._given.wish, self._changes(), mark, lambda: self._stub.port or None)
        self._holding.hold(tunnel)
        try:
            self._holding.begin(confirmed=tunnel.start(f"{self._given.peer} {self._given.wish}"))
            ready({"device": DEVICE})
            await self._live(tunnel)
        finally:
            self._holding.leave()

    def _changes(self) -> Undoable:
        return Undoable(Journal(self._given.state), Host())

    async def _mark(self) -> int:
        """The mark of the mesh's own packets, which stay outside. Raises `Lacking`."""
        mark = (await self._visor.app()).mark
        if not mark:
            raise Lacking(
                "the visor of this host may not mark its packets, which would go into their own tunnel: "
                "run it as root too, or give it CAP_NET_ADMIN"
            )
        return mark

    # -- the path

    async def _live(self, tunnel: Tunnel) -> None:
        """Dial, carry, and dial again. Raises what the host refused."""
        while self._holding.state is not State.GIVEN_UP:
            await self._once(tunnel)
            await self._holding.pause(AGAIN_S)
        await asyncio.get_running_loop().create_future()  # until it is stopped

    async def _once(self, tunnel: Tunnel) -> None:
        try:
            app = await self._visor.app()
            key = await app.resolve(self._given.peer)
            async with await app.dial(key, self._given.exit_port) as stream:
                lease = await hello(stream, Hello(whole=self._abilities[0], uso=self._abilities[1]))
                if isinstance(lease, Refused):
                    raise NoTunnel(lease.why)
                self._holding.lease = lease
                self._holding.feed(Event.UP)
                sock, rest = stream.detach()
        except (AppError, NoTunnel, TimeoutError, EOFError, VpnWireError) as exc:
            self._is_nobody = isinstance(exc, UnknownName)
            self._tell(_sentence(exc))
            self._holding.moved.set()
            return
        if tunnel.tun is None:  # what came meanwhile took it back
            sock.close()
            return
        self._link = Link(tunnel.tun, sock, rest, self._stub.answered)
        self._tell("")
        try:
            why = await self._link.run()
        finally:
            self._count += self._link.count
            silent_s, self._link = self._link.silent_s, None
        self._tell(why)
        self._holding.feed(Event.LOST, silent_s)

    def _tell(self, why: str) -> None:
        if why and why != self._why:
            log.warning("no path to the exit: %s", why)
        self._why = why

    def _ask(self, asked: Asked) -> bool:
        return self._link is not None and self._link.ask(asked)

    # -- what is asked over the bus

    @property
    def methods(self) -> tuple[Callable[..., object], ...]:
        """More than `status`."""
        return (self.confirm, self.check, self.until_up)

    def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """The tunnel as it is now."""
        link, lease = self._link, self._holding.engaged
        count = self._count if link is None else self._count + link.count
        return {
            "name": self._given.name,
            "state": self._holding.state.value,
            "peer": self._given.peer,
            "seconds": round(self._holding.seconds, 1),
            "device": DEVICE if lease else "",
            "ipv4": lease.ipv4 if lease else "",
            "ipv6": lease.ipv6 if lease else "",
            "kill_switch": self._given.wish.kill_switch,
            "split": [str(network) for network in self._given.wish.split],
            "direct": [str(network) for network in self._given.wish.direct],
            "rtt_seconds": round(link.rtt_s, 4) if link and link.rtt_s else None,
            "sent_bytes": count.sent,
            "received_bytes": count.received,
            "dropped_packets": count.dropped,
            "why": self._why,
        }

    async def until_up(self, seconds: float) -> dict[str, Any]:  # Any: as above
        """The status, as soon as the tunnel is up, given up, or for nobody; or after so many seconds."""
        try:
            async with asyncio.timeout(min(seconds, ROLLBACK_S)):
                while self._holding.state in (State.FIRST, State.AWAY) and not self._is_nobody:
                    self._holding.moved.clear()
                    await self._holding.moved.wait()
        except TimeoutError:
            log.info("still no tunnel after %g s", seconds)
        return self.status()

    def confirm(self) -> dict[str, Any]:  # Any: as above
        """This host can be reached: keep the tunnel. Raises `RemoteError` when there is none to keep."""
        if self._holding.state in (State.FIRST, State.GIVEN_UP, State.AWAY):
            raise self._no_tunnel("confirm")
        self._holding.feed(Event.CONFIRM)
        return self.status()

    async def check(self) -> dict[str, Any]:  # Any: as above
        """The leak test; one that passes confirms. Raises `RemoteError` when there is no tunnel."""
        lease = self._holding.lease
        if self._link is None or lease is None:
            raise self._no_tunnel("check")
        rows = await leaks.test(self._given.wish, lease)
        passed = all(row.ok for row in rows)
        if passed:
            self._holding.feed(Event.CONFIRM)
        return {"passed": passed, "rows": [row._asdict() for row in rows]}

    def _no_tunnel(self, what: str) -> RemoteError:
        why = f": {self._why}" if self._why else ""
        return RemoteError("no-tunnel", f"there is no tunnel to {what} ({self._holding.state.value}{why})")


def _sentence(exc: Exception) -> str:
    if isinstance(exc, (StreamReset, PeerRefused)) and getattr(exc, "code", None) == NOT_WELCOME:
        return "the exit does not let this node in: its key is not on the list there"
    return str(exc) or type(exc).__name__


if __name__ == "__main__":
    sys.exit(process.main("vpn-client", lambda: Client(options.client(sys.argv[1:]))))
