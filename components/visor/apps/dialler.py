"""What the app server needs of the mesh behind it. Types and protocols only.

A stream's socket is connected, of type stream and owned by the mesh from the call that gives it: the mesh
closes it, on errors and cancellation too. `over` is called once, when the stream is over: with None when both
sides ended it, else with the code of the reset (`plane.streams.api.Code`). It may come before `dial` or
`accept` return, and must come before the socket is closed: an app that finds the end of its socket asks why.
"""

import socket
from collections.abc import Callable
from typing import Protocol

from components.visor.groups.path import Policy
from components.visor.plane.streams.tally import Tally
from signal_bus.ids import PublicKey

Over = Callable[[int | None], None]


class MeshStream(Protocol):
    """A stream that is open."""

    @property
    def sent_bytes(self) -> int:
        """Taken from the app."""

    @property
    def received_bytes(self) -> int:
        """Given to the app."""

    @property
    def rtt_s(self) -> float | None:
        """The round trip of the route it goes by, if it was measured."""

    @property
    def tally(self) -> Tally | None:
        """What both ends know to have gone by; None where nobody counts."""

    def reset(self, code: int) -> None:
        """Break it off; `over` follows, perhaps before this returns."""

    @property
    def held(self) -> bool:
        """Whether `give` may follow: `hold` was called, or the app has read all; and `give` was not yet."""

    def hold(self) -> None:
        """Write nothing more to its socket, and end that half; what comes waits for `give`."""

    def give(self, sock: socket.socket) -> None:
        """Go on with this socket, after what the first one still holds. It is owned there from now on."""


class Offer(Protocol):
    """A peer wants a stream."""

    @property
    def peer(self) -> PublicKey:
        """Who."""

    @property
    def port(self) -> int:
        """To which port of ours."""

    @property
    def source(self) -> int:
        """From which port of its own."""

    def accept(self, sock: socket.socket, over: Over) -> MeshStream | None:
        """Take it; None when it is there no more, and then `over` is not called."""

    def refuse(self, code: int) -> None:
        """Say no."""


class Dialler(Protocol):
    """The mesh."""

    @property
    def key(self) -> PublicKey:
        """Of this node."""

    async def dial(
        self, pk: PublicKey, port: int, source: int, policy: Policy, sock: socket.socket, over: Over
    ) -> MeshStream:
        """A stream that the peer accepted. Raises `MeshError`; then, or cancelled, `over` is not called."""

    async def link(self, pk: PublicKey) -> None:
        """Try to have a path to a peer to which none is known: by a link to it."""

    def message(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> bool:
        """Send a message, at most once; false when it is dropped here."""
