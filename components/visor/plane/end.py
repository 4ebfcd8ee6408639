"""The end of one route in this node: its own handshake and keys, then units in and out.

    initiator   ASKING --answer--> OPEN
    responder   WAITING --first message--> HALF_OPEN --first unit that opens--> OPEN

Only an open end is told to its group. A message or unit that does not fit closes the route, never the group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from components.mesh.aead import TAG_BYTES
from components.mesh.endtoend import RouteInitiator, RouteName, UnitKeys, answer
from components.mesh.errors import MeshError
from components.mesh.frame import MAX_LARGE, CloseCode, FrameType
from components.visor.plane.leg import TIGHT, Leg
from components.visor.plane.loop import Loop
from components.visor.plane.streams.errors import LimitError, UnitError
from components.visor.plane.streams.group import Group
from signal_bus.identity import Identity

_DATA: Final = int(FrameType.DATA)
_HANDSHAKE: Final = int(FrameType.HANDSHAKE)
_PING: Final = int(FrameType.PING)
_NO_AAD: Final = b""


class State(Enum):
    """Where an end is."""

    ASKING = auto()
    WAITING = auto()
    HALF_OPEN = auto()
    OPEN = auto()
    OVER = auto()


@dataclass(frozen=True)
class Told:
    """Whom an end tells: its route is open, or gone with a code; units went in or out."""

    opened: Callable[[RouteEnd], None]
    moved: Callable[[float], None]
    closed: Callable[[RouteEnd, int], None]


class RouteEnd:
    """A `Consumer` of the router. `number` is the route's in its group."""

    def __init__(
        self,
        loop: Loop,
        identity: Identity,
        name: RouteName,
        group: Group,
        told: Told,
        scratch: memoryview | None = None,
    ) -> None:
        """`scratch` is used during calls, and may be shared; one of its own is made when it is left out."""
        self.name = name
        self.number = name.number
        self.leg: Leg | None = None
        self.opened_at: float | None = None
        self._loop = loop
        self._identity = identity
        self._group = group
        self._told = told
        self._keys: UnitKeys | None = None
        self._plain = memoryview(bytearray(MAX_LARGE)) if scratch is None else scratch
        self._initiates = name.initiator == identity.public_key
        self._asking = RouteInitiator(identity, name) if self._initiates else None
        self.state = State.ASKING if self._initiates else State.WAITING

    def installed(self, leg: Leg) -> None:
        """The rule is in place; the initiator speaks first."""
        self.leg = leg
        if self._asking is not None:
            leg.push(FrameType.HANDSHAKE, self._asking.first())

    def close(self, code: CloseCode) -> None:
        """Nothing more goes in or out; the owner takes the route out of the router."""
        if self.state is not State.OVER:
            self.state = State.OVER
            self._keys = None
            self._told.closed(self, code)

    # -- what the router asks

    def take(self, type: int, payload: memoryview) -> None:
        """A frame for us."""
        try:
            if type == _DATA:
                self._unit(payload)
            elif type == _HANDSHAKE:
                self._shake(bytes(payload))
            elif type == _PING and self.leg is not None:
                self.leg.push(FrameType.PONG, bytes(payload))
        except (MeshError, UnitError):
            self.close(CloseCode.AUTH)
        except LimitError:  # the group has as many routes as it may
            self.close(CloseCode.BUSY)

    def pull(self, into: memoryview) -> int:
        """The next unit, sealed."""
        if self.state is not State.OPEN or self._keys is None or not self._group.more(self.number):
            return 0
        plain, now = self._plain[: len(into) - TAG_BYTES], self._loop.time()
        size = self._group.next_unit(self.number, plain, now)
        if not size:
            return TIGHT if self._group.wants(self.number) else 0
        whole = size + TAG_BYTES
        try:
            self._keys.seal.seal(plain[:size], _NO_AAD, into[:whole])
        except MeshError:  # the key is spent: the group resends by another route
            self.close(CloseCode.NORMAL)
            return 0
        self._told.moved(now)
        return whole

    def closed(self, code: int) -> None:
        """The route is gone."""
        self.close(_code(code))

    # -- inside

    def _unit(self, sealed: memoryview) -> None:
        keys = self._keys
        if keys is None:
            return  # sent before our answer can have come: nothing that opens
        plain = self._plain[: len(sealed) - TAG_BYTES]
        keys.open.open(sealed, _NO_AAD, plain)
        if self.state is State.HALF_OPEN:
            self._open()
        if self.state is State.OPEN:
            now = self._loop.time()
            self._group.take_unit(self.number, plain, now)
            self._told.moved(now)

    def _shake(self, message: bytes) -> None:
        if self.state is State.ASKING and self._asking is not None:
            self._keys = self._asking.finish(message)
            self._asking = None
            self._open()
        elif self.state is State.WAITING and self.leg is not None:
            reply, self._keys = answer(self._identity, self.name, message)
            self.state = State.HALF_OPEN
            self.leg.push(FrameType.HANDSHAKE, reply)
        # A repeated message changes nothing: it may be a replay.

    def _open(self) -> None:
        self.state = State.OPEN
        self.opened_at = self._loop.time()
        self._told.opened(self)


def _code(value: int) -> CloseCode:
    try:
        return CloseCode(value)
    except ValueError:
        return CloseCode.NORMAL
