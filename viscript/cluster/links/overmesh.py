"""Ways over the mesh to hosts that no address leads to, by an app that only leads (decision 0165).

The app is known by the kind of its service on the bus, `host-reach`; the service's address is the public key
of its visor, which this host puts on its card. The app is told two things, anew whenever the roster changes
or the app does:

    serve   that visors of the cluster's hosts may be led to this host's own door
    lead    for each host that has a visor: where a unix socket that leads to its door is to be
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.book import Book
from viscript.cluster.links.api import HOST_REACH
from viscript.cluster.links.own import Own
from viscript.cluster.model import Member
from viscript.errors import ViscriptError
from viscript.events import Event

log = logging.getLogger(__name__)

PLACE: Final = "peers"
AGAIN_S: Final = 5.0
_MESH_KEY_BYTES: Final = 32

Ask = Callable[[int, str, Mapping[str, object]], Awaitable[object]]


class OverMesh:
    """`hear` events, `run` in a task; `relay` is what `Links` asks for a way."""

    def __init__(
        self, *, ask: Ask, book: Book, own: Own, look_again: Callable[[], None], door: str, folder: str
    ) -> None:
        """`door` is the unix socket where hosts reach this one; `folder` holds those that lead away."""
        self._ask = ask
        self._book = book
        self._own = own
        self._look_again = look_again
        self._door = door
        self._folder = folder
        self._seq: int | None = None
        self._led: dict[PublicKey, bytes] = {}  # host: the visor that its socket leads to
        self._changed = asyncio.Event()

    def relay(self, member: Member) -> str | None:
        """The unix socket that leads to a host; None when there is none."""
        return self._path(member.key) if member.key in self._led else None

    def hear(self, event: Event) -> None:
        """The app comes, and goes."""
        if event.data.get("type") != HOST_REACH:
            return
        if event.type == "service.offered":
            self._offered(event.data["seq"], event.data["address"])
        elif event.type == "service.withdrawn" and event.data["seq"] == self._seq:
            self._seq = None
            self._led.clear()

    async def run(self) -> None:
        """Tell the app what it should know, until cancelled."""
        unlisten = self._book.listen(lambda _: self._changed.set())
        self._changed.set()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if self._seq is not None and not await self._tell(self._seq):
                    asyncio.get_running_loop().call_later(AGAIN_S, self._changed.set)
        finally:
            unlisten()

    def _offered(self, seq: int, address: str) -> None:
        try:
            key = bytes.fromhex(address)
        except ValueError:
            key = b""
        if len(key) != _MESH_KEY_BYTES:
            log.warning("app=%d offers %s with %r, which is no visor's key", seq, HOST_REACH, address[:80])
            return
        self._seq = seq
        self._led.clear()
        self._changed.set()
        if self._own.mesh != key:
            self._own.mesh = key
            self._look_again()

    async def _tell(self, seq: int) -> bool:
        """Say all of it; false when that has to be tried again."""
        others = self._others()
        keys = sorted(visor.hex() for visor in others.values())
        try:
            await self._ask(seq, "serve", {"places": {PLACE: {"socket": self._door, "keys": keys}}})
            for host in self._led.keys() - others.keys():
                self._led.pop(host, None)  # the app may have gone while it was told of another
                await self._ask(seq, "leave", {"path": self._path(host)})
            for host, visor in others.items():
                if self._led.get(host) != visor:
                    await self._lead(seq, host, visor)
        except ViscriptError as exc:
            log.info("app=%d, which leads over the mesh, does not answer: %s", seq, exc)
            return False
        return others.keys() == self._led.keys()

    async def _lead(self, seq: int, host: PublicKey, visor: bytes) -> None:
        path = self._path(host)
        answer = await self._ask(seq, "lead", {"peer": visor.hex(), "to": PLACE, "path": path})
        if isinstance(answer, Mapping) and "error" in answer:
            log.warning("host=%s: no way over the mesh: %s", host.hex()[:16], answer["error"])
        elif seq == self._seq:  # or it has gone meanwhile
            self._led[host] = visor

    def _others(self) -> dict[PublicKey, bytes]:
        """The visors of the other hosts, those that have one: what a host says of itself may be none."""
        roster = self._book.roster
        if roster is None:
            return {}
        me = self._book.identity.public_key
        others = ((key, member.mesh) for key, member in roster.present.items() if key != me)
        return {key: visor for key, visor in others if len(visor) == _MESH_KEY_BYTES}

    def _path(self, host: PublicKey) -> str:
        return f"{self._folder}/to-{host.hex()[:16]}.sock"
