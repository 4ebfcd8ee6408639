"""The messenger as a whole: its doors, its bounds and who is let in."""

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from components.mesh.channel import ControlChannel, Method
from components.mesh.doors import Bounds, Door, Doors
from components.mesh.ports import MeshPort
from components.mesh.relay_wire import BUSY, LIVENESS_S, NOT_ALLOWED, TOKEN_S, Welcome
from components.mesh.session import Visitor
from components.messenger.channels import Channels
from components.messenger.presence import Presences
from components.messenger.quota import DayQuota
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

GIB: Final = 1024**3


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a messenger takes on."""

    clients: int = 2048
    channels_each: int = 64  # that one key asked for
    waiting_each: int = 32  # that wait for one key to come
    bytes_a_day: int = 100 * GIB  # that one key has relayed; 0 is no limit
    connections: int = 8192
    liveness_s: float = LIVENESS_S
    token_s: float = TOKEN_S


class Letters(Protocol):
    """Keeps letters for those who are away: `letters.Post`."""

    async def door(self, visitor: Visitor) -> None:
        """Answer a session at port 1023."""

    def methods(self, peer: PublicKey) -> Mapping[str, Method]:
        """The methods for one client."""

    async def serve(self, here: ControlChannel) -> None:
        """Runs while the client is here."""


class Messenger:
    """One messenger; `serve` runs until it is cancelled. `allow` None is public."""

    def __init__(
        self,
        identity: Identity,
        *,
        limits: Limits | None = None,
        allow: frozenset[PublicKey] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.allow = allow
        self.presences = Presences(limit=self.limits.clients, liveness_s=self.limits.liveness_s)
        self.channels = Channels(
            self.presences,
            DayQuota(self.limits.bytes_a_day),
            each=self.limits.channels_each,
            waiting_each=self.limits.waiting_each,
            token_s=self.limits.token_s,
        )
        self.identity = identity
        self._letters: Letters | None = None

    def keep(self, letters: Letters) -> None:
        """Keep letters too. Before `serve`."""
        self._letters = letters

    @property
    def key(self) -> PublicKey:
        """Its own key: what clients dial."""
        return self.identity.public_key

    async def serve(self, listener: socket.socket) -> None:
        """Answer those who connect. Closes the listening socket when it is cancelled."""
        doors: dict[int, Door] = {
            MeshPort.PRESENCE: self._let_in(self._presence),
            MeshPort.RELAY: self._let_in(self.channels.door),
        }
        if self._letters:
            doors[MeshPort.MAIL] = self._let_in(self._letters.door)
        await Doors(listener, self.identity, doors, Bounds(served=self.limits.connections)).serve()

    def allow_only(self, allow: frozenset[PublicKey] | None) -> None:
        """Use another list; who is not on it loses what it has here."""
        self.allow = allow
        for key in self.presences.here():
            here = self.presences.of(key)
            if here is not None and not self.is_allowed(key):
                here.end("it is not on the list any more")
        for channel in tuple(self.channels.open):
            if not (self.is_allowed(channel.caller) and self.is_allowed(channel.callee)):
                channel.pipe.end("not on the list any more")

    def is_allowed(self, key: PublicKey) -> bool:
        """Whether a key is served here."""
        return self.allow is None or key in self.allow

    def _let_in(self, door: Door) -> Door:
        async def guarded(visitor: Visitor) -> None:
            if self.is_allowed(visitor.peer):
                await door(visitor)
            else:
                await visitor.refuse(NOT_ALLOWED, "this messenger is private: your key is not on its list")

        return guarded

    async def _presence(self, visitor: Visitor) -> None:
        if not self.presences.has_room(visitor.peer):
            await visitor.refuse(BUSY, f"{self.limits.clients} clients are here already")
            return
        session = await visitor.accept(Welcome(self.limits.liveness_s))
        letters = self._letters
        methods = letters.methods(visitor.peer) if letters else {}
        await self.presences.stay(session, methods, letters.serve if letters else None)
