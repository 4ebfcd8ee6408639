"""What the transports of a visor need from others, and what they tell them."""

import socket
import uuid
from typing import NamedTuple, Protocol

from components.mesh.entry import NodeEntry
from components.mesh.transport import SignedEntry, TransportType
from components.visor.plane.link import Link
from signal_bus.ids import PublicKey


class Directory(Protocol):
    """Knows where nodes are."""

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        """The checked entry of a node, or None where it is not known. Raises `MeshError`."""


class Relay(Protocol):
    """Reaches nodes by a messenger; it brings those who come to the doors of `Links`."""

    async def dial(self, peer: PublicKey) -> socket.socket:
        """A connected, non-blocking socket whose other end is handed to `peer`. Raises `MeshError`."""


class Registrar(Protocol):
    """Tells the services which transports there are. What is up is told again before its lease ends."""

    async def register(self, entry: SignedEntry) -> None:
        """A transport both edges signed. May raise: it is tried again."""

    async def status(self, id: uuid.UUID, up: bool, rtt_us: int = 0) -> None:
        """It went up or down, or its round trip is another (0: not known). May raise: it is tried again."""


class Change(NamedTuple):
    """A transport went up, changed its link, or went down (`link` is None then, and `reason` says why)."""

    id: uuid.UUID
    peer: PublicKey
    type: TransportType
    link: Link | None
    reason: str = ""


class Row(NamedTuple):
    """One transport, as `tp ls` tells it; `reason` says why it is down."""

    id: str
    type: str
    public_key: str
    label: str
    persistent: bool
    up: bool
    sent_bytes: int
    received_bytes: int
    rtt_seconds: float | None
    address: str | None
    reason: str


def everybody(peer: PublicKey) -> bool:
    """Any node may link with this one."""
    del peer
    return True
