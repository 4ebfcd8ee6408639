"""What a stream asks of the app it belongs to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from components.visor.sdk.handed import Handed

if TYPE_CHECKING:
    from components.visor.sdk.stream import Stream


class Visor(Protocol):
    """An app, as its streams see it."""

    def drain(self) -> bool:
        """Hear what the visor has told by now; whether it told anything."""

    def forget(self, stream: Stream) -> None:
        """It was closed here."""

    async def reset(self, stream: Stream, code: int) -> None:
        """Break it off."""

    def check_near(self) -> None:
        """Raises `Misuse` when it can be handed no socket."""

    def give_up(self, stream: Stream) -> None:
        """Break it off, and do not wait for the answer."""

    async def hold(self, stream: Stream) -> None:
        """Let the visor write nothing more to its socket."""

    async def give(self, stream: Stream, sock: socket.socket) -> Handed:
        """Put another socket in the place of its own."""
