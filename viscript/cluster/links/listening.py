"""Where this host listens for the others, and what it tells them of that.

Configured addresses are bound as they are. Without any, it is port 7791 of every address, or, where another
home of this machine has that, the port this home had before, or any; it is remembered: the others know it.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import psutil
import zmq

from signal_bus.identity import CurvePair
from signal_bus.peers.doors import Arrived, PeerDoors
from viscript.store.memory import Memory

log = logging.getLogger(__name__)

PORT: Final = 7791
ANYWHERE: Final = ("0.0.0.0", "*", "[::]")  # noqa: S104 (what a user may have written)
ADDRESSES_MAX: Final = 8
REMEMBERED: Final = "cluster.port"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says. `listen` None: as described above; empty: nowhere."""

    listen: tuple[str, ...] | None = None
    advertise: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    label: str = ""


class Listening:
    """The doors of one host."""

    def __init__(self, wanted: Wanted, local: str, memory: Memory) -> None:
        self.wanted = wanted
        self.trouble = ""  # what could not be bound
        self._local = local
        self._memory = memory
        self._doors: PeerDoors | None = None
        self._missing = wanted.listen  # not bound yet; None: where it is found by itself
        self._tried = False

    @property
    def doors(self) -> PeerDoors:
        """The open doors."""
        assert self._doors is not None  # opened before
        return self._doors

    async def open(self, curve: CurvePair, arrived: Arrived) -> PeerDoors:
        """Open that on this host. Raises `EndpointTaken`, `ZMQError`."""
        doors = PeerDoors(local=self._local, curve=curve, arrived=arrived)
        await doors.open()
        self._doors, self._missing, self._tried = doors, self.wanted.listen, False
        return doors

    async def listen(self) -> bool:
        """Open those on tcp; false when one could not be, which `trouble` says: try again later.

        The first time a port may be that of a daemon just gone, and is waited for some seconds.
        """
        patient, self._tried, self.trouble = not self._tried, True, ""
        if self._missing is None:
            await self._listen_by_default(self.doors)
        else:
            wanted, self._missing = self._missing, ()
            found = [one for one in wanted if not await self._listen(self.doors, one, patient=patient)]
            self._missing = tuple(found)
        return not self.trouble

    def close(self) -> None:
        """Close them."""
        if self._doors is not None:
            self._doors.close()
            self._doors = None

    def addresses(self) -> tuple[str, ...]:
        """What the others may dial."""
        if self.wanted.advertise:
            return self.wanted.advertise[:ADDRESSES_MAX]
        if self._doors is not None:
            return advertised(self._doors.endpoints, own_addresses())
        listen = (f"tcp://*:{PORT}",) if self.wanted.listen is None else self.wanted.listen
        return advertised(listen, own_addresses())

    async def _listen_by_default(self, doors: PeerDoors) -> None:
        before = await self._memory.number(REMEMBERED)
        ports = [port for port in (before, PORT) if port is not None]
        for port in [*ports, "*"]:
            if await self._listen(doors, f"tcp://*:{port}", patient=port == before):
                break
        if doors.endpoints:
            self.trouble, self._missing = "", ()
            self._memory.note_value(REMEMBERED, doors.endpoints[0].rpartition(":")[2].encode())

    async def _listen(self, doors: PeerDoors, endpoint: str, *, patient: bool) -> bool:
        try:
            await doors.listen(endpoint, patient=patient)
        except zmq.ZMQError as exc:
            self.trouble = f"{endpoint}: {zmq.strerror(exc.errno or 0)}"
            log.log(logging.WARNING if patient else logging.DEBUG, "cannot listen at %s", self.trouble)
            return False
        return True


def advertised(endpoints: Iterable[str], own: Sequence[str]) -> tuple[str, ...]:
    """What others may dial for these endpoints; one that is open everywhere, at our own addresses. Pure."""
    found: list[str] = []
    for endpoint in endpoints:
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        if not port.isdigit():
            continue
        hosts = own if host in ANYWHERE else (host,)
        found += [f"tcp://{one}:{port}" for one in hosts]
    return tuple(dict.fromkeys(found))[:ADDRESSES_MAX]


def own_addresses() -> list[str]:
    """The addresses of this machine that others might reach; loopback alone where there is no other."""
    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6) and not _is_near(address.address)
    ]
    plain = [address for address in found if ":" not in address]
    return [*sorted(plain), *(f"[{one}]" for one in sorted(set(found) - set(plain)))] or ["127.0.0.1"]


def _is_near(address: str) -> bool:
    known = ipaddress.ip_address(address)
    return known.is_loopback or known.is_link_local
