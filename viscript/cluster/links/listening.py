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

    @property
    def doors(self) -> PeerDoors:
        """The open doors."""
        assert self._doors is not None  # opened before
        return self._doors

    async def open(self, curve: CurvePair, arrived: Arrived) -> PeerDoors:
        """Open them. What cannot be bound on tcp is said in `trouble`. Raises `EndpointTaken`, `ZMQError`."""
        doors = self._doors = PeerDoors(local=self._local, curve=curve, arrived=arrived)
        await doors.open()
        if self.wanted.listen is None:
            await self._listen_by_default(doors)
        else:
            for endpoint in self.wanted.listen:
                await self._listen(doors, endpoint)
        return doors

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
            self.trouble = ""
            self._memory.note_value(REMEMBERED, doors.endpoints[0].rpartition(":")[2].encode())

    async def _listen(self, doors: PeerDoors, endpoint: str, *, patient: bool = True) -> bool:
        try:
            await doors.listen(endpoint, patient=patient)
        except zmq.ZMQError as exc:
            self.trouble = f"{endpoint}: {exc}"
            log.warning("cannot listen for other hosts at %s: %s", endpoint, exc)
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
