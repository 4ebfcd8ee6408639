"""What the rest of the daemon sees of the links to other hosts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from signal_bus.ids import PublicKey
from viscript.errors import ViscriptError
from viscript.verbs.table import Role

Kind = Literal["door", "store", "audit", "news", "guest", "abroad"]


class Reach(StrEnum):
    """How another host stands, as it is seen from here."""

    UP = "up"
    SUSPECT = "suspect"  # nothing was heard for 5 s
    DOWN = "down"  # nothing was heard for 15 s, or never
    PAUSED = "paused"  # up, and takes no new work by order


Path = Literal["direct", "relay", "none"]
HOST_REACH = "host-reach"  # the kind of service by which an app leads over the mesh (overmesh.py)


@dataclass(frozen=True, kw_only=True)
class HostState:
    """What is known of a host: its last own figures, and how old they are.

    `last_seen` is seconds since the epoch by this host's clock, None when it was never heard; `age_seconds`
    is how long ago that was, 0 for this host itself. Figures are the last ones told, whatever the state.
    """

    label: str
    key: PublicKey
    state: Reach
    local: bool = False
    role: Role = Role.VIEW
    last_seen: float | None = None
    age_seconds: float | None = None
    version: str = ""
    apps_up: int = 0
    apps_total: int = 0
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    memory_total: int | None = None
    path: Path = "none"
    clock_offset_seconds: float | None = None
    started_at: float | None = None
    draining: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    why: str = ""  # it is not connected


class HostAway(ViscriptError):
    """The host cannot be reached, or the way to it broke."""

    def __init__(self, label: str, key: PublicKey, why: str, last_seen: float | None = None) -> None:
        super().__init__(f"{label}: {why}")
        self.label = label
        self.key = key
        self.why = why
        self.last_seen = last_seen


class StreamRefused(ViscriptError):
    """The other host ended a stream with a code: an unknown kind, too many streams, a fault there."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text


class Stream(Protocol):
    """Bytes both ways between two hosts, in order, with back-pressure of its own."""

    @property
    def meta(self) -> Mapping[str, str]:
        """What the opener said of it."""

    async def read(self) -> bytes:
        """The next bytes, as many as are there; empty at the end. Raises `HostAway` or `StreamRefused`."""

    async def write(self, data: bytes) -> None:
        """Take bytes; waits while the other end does not read. Raises `HostAway` or `StreamRefused`."""

    def end(self) -> None:
        """No more comes from here; reading goes on."""

    async def close(self, code: str = "", text: str = "") -> None:
        """Done with it, in both directions; a code tells the other end that something is wrong."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who opened a stream from another host, as the roster says."""

    key: PublicKey
    label: str
    role: Role


Handler = Callable[[Stream, Caller], Awaitable[None]]


class HostLinks(Protocol):
    """The links of this host."""

    @property
    def trouble(self) -> str:
        """Why others cannot connect to this host where they should; empty when they can."""

    def hosts(self) -> list[HostState]:
        """Every host of the cluster, this one first, the rest by label. Empty without a cluster."""

    async def open(
        self, key: PublicKey, kind: Kind, deadline: float, meta: Mapping[str, str] | None = None
    ) -> Stream:
        """A stream to a host; waits for a link that is just coming up, `deadline` seconds at most.

        Raises `HostAway`: at once when the host is down.
        """

    def serve(self, kind: Kind, handler: Handler) -> None:
        """Have the streams of a kind that others open carried by `handler`; when it returns, it is closed."""

    def on_change(self, callback: Callable[[HostState], None]) -> Callable[[], None]:
        """Be told of every host that joined or whose `state` changed; the answer ends that."""
