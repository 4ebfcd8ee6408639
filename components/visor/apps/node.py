"""What all apps of one visor share: the mesh behind them, ports, bounds, and the way from app to app."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from components.mesh import keys
from components.visor.apps.dialler import Dialler
from components.visor.apps.limits import Bounds
from components.visor.apps.messages import Datagram
from components.visor.apps.ports import Ports
from components.visor.apps.streams import OpenStream
from signal_bus.ids import PublicKey

if TYPE_CHECKING:
    from components.visor.apps.letters import Mail
    from components.visor.apps.session import AppSession


class Named(NamedTuple):
    """Whom a text means."""

    key: PublicKey
    label: str = ""


Names = Callable[[str], Named]  # raises `MeshError` for a text that means nobody


def only_keys(text: str) -> Named:
    """Names of a node without an address book. Raises `BadKey`."""
    return Named(keys.parse(text))


def _nobody(app: str, stream: OpenStream) -> None:
    """Nobody wants to hear of streams."""


@dataclass
class Node:
    """Of one server."""

    mesh: Dialler
    tasks: asyncio.TaskGroup
    bounds: Bounds = field(default_factory=Bounds)
    names: Names = only_keys
    mail: "Mail | None" = None
    ports: Ports["AppSession"] = field(default_factory=Ports)
    opened: Callable[[str, OpenStream], None] = _nobody

    def connect(self, port: int, source: int, sock: socket.socket) -> bool:
        """Give a socket to the app that listens here; false, and closed, when none takes it."""
        app = self.ports.listener(port)
        if app is None:
            sock.close()
            return False
        return app.take_local(port, source, sock)

    def deliver(self, note: Datagram) -> bool:
        """Give a message to the app that listens; false when it is dropped."""
        app = self.ports.listener(note.port)
        return app is not None and app.note(note)
