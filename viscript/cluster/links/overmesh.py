"""Ways over the mesh to hosts that no address leads to, by an app that only leads (decision 0165).

The app is known by the kind of its service on the bus, `host-reach`; the service's address is the public key
of its visor, which this host puts on its card. The app is told two things, anew whenever the roster changes
or the app does:

    serve   that visors of the cluster's hosts may be led to this host's own door, and everybody to the
            places that are open: that of joiners, while there is an invitation
    lead    for each host that has a visor: where a unix socket that leads to its door is to be; besides,
            one to the place of a host that this one joins
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
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


class NoMesh(ViscriptError):
    """No app leads over the mesh, or it cannot; the sentence says why."""


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
        self.visor = b""  # the key of the visor that the app goes by; empty while there is no app
        self._seq: int | None = None
        self._open: dict[str, str] = {}  # the sockets of places that are open to everybody
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
            self._seq, self.visor = None, b""
            self._led.clear()

    # -- places open to everybody, and a way to one

    async def open(self, name: str, socket: str) -> None:
        """Let everybody be led to that socket, told who comes. Raises `NoMesh`, `ViscriptError`."""
        seq, before = self._there(), name in self._open
        self._open[name] = socket
        try:
            await self._ask(seq, "serve", self._places())
        except BaseException:
            if not before:
                self.shut(name)
            raise

    def shut(self, name: str) -> None:
        """The place is closed, and who was led there is led no more."""
        if self._open.pop(name, None) is not None:
            self._changed.set()

    @asynccontextmanager
    async def way(self, visor: bytes, name: str, stem: str = "") -> AsyncIterator[str]:
        """A socket that leads to a place of the host with that visor. Raises `NoMesh`, `ViscriptError`.

        `stem` names the socket; two at a time need two.
        """
        seq, path = self._there(), f"{self._folder}/{stem or name}.sock"
        answer = await self._ask(seq, "lead", {"peer": visor.hex(), "to": name, "path": path})
        if isinstance(answer, Mapping) and "error" in answer:
            raise NoMesh(str(answer["error"]))
        try:
            yield path
        finally:
            await self._left(seq, path)

    async def trouble(self, path: str) -> str:
        """Why the way by that socket led nowhere; empty when that is not known."""
        try:
            status = await self._ask(self._there(), "status", {})
        except ViscriptError as exc:
            return str(exc)
        ways = status.get("ways", ()) if isinstance(status, Mapping) else ()
        return next((str(way["trouble"]) for way in ways if way["socket"] == path), "")

    def _there(self) -> int:
        if self._seq is None:
            raise NoMesh("no app of this host leads over the mesh")
        return self._seq

    async def _left(self, seq: int, path: str) -> None:
        try:
            await self._ask(seq, "leave", {"path": path})
        except ViscriptError as exc:
            log.info("app=%d: %s stays until it ends: %s", seq, path, exc)

    # -- what the app should know

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
        self._seq, self.visor = seq, key
        self._led.clear()
        self._changed.set()
        if self._own.mesh != key:
            self._own.mesh = key
            self._look_again()

    async def _tell(self, seq: int) -> bool:
        """Say all of it; false when that has to be tried again."""
        others = self._others()
        try:
            await self._ask(seq, "serve", self._places())
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

    def _places(self) -> Mapping[str, object]:
        """What the app is told with `serve`."""
        keys = sorted(visor.hex() for visor in self._others().values())
        open_to_all = {name: {"socket": socket, "told": True} for name, socket in self._open.items()}
        return {"places": {PLACE: {"socket": self._door, "keys": keys}, **open_to_all}}

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
