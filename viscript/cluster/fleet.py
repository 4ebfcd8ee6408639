"""What is known of every other host: when it was last heard, and its own last figures. Pure: time is given.

up        heard within SUSPECT_S
suspect   not heard for that long; a host not heard yet, for as long as a daemon may need to reach it
down      not heard for DOWN_S
paused    up, and by its own word takes no new work

What a host last said is kept whatever becomes of it, with its age: never dropped, and never shown as fresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from signal_bus.peers.messages import PeerState
from viscript.cluster.links.api import HostState, Path, Reach
from viscript.cluster.links.clock import Clock
from viscript.cluster.model import Member

SUSPECT_S: Final = 4.0  # a second before the promised 5: notes come each second, and it takes one to look
DOWN_S: Final = 14.0
_NO_NOTE: Final = PeerState(time=0.0)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives the daemon: when a host was last heard, and what it said."""

    last_seen: float
    version: str
    note: PeerState


@dataclass
class _Host:
    member: Member
    since: float  # when it was last heard, or first looked for
    reach: Reach = Reach.SUSPECT
    heard: bool = False  # by this daemon
    last_seen: float | None = None  # by the wall clock, which may be set at any time
    heard_at: float | None = None  # by the clock of the loop, which may stop while the host sleeps
    version: str = ""
    note: PeerState = _NO_NOTE
    noted_at: float = 0.0
    path: Path = "none"
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class Change:
    """A host that is seen otherwise than before."""

    key: PublicKey
    before: Reach
    after: Reach


class Fleet:
    """One row for each other host of the cluster."""

    def __init__(self) -> None:
        self._hosts: dict[PublicKey, _Host] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._hosts

    def sync(self, members: Mapping[PublicKey, Member], now: float) -> tuple[list[Member], list[Member]]:
        """These are the other hosts now; those that came, and those that went."""
        came = [member for key, member in members.items() if key not in self._hosts]
        went = [host.member for key, host in self._hosts.items() if key not in members]
        for member in went:
            del self._hosts[member.key]
        for key, member in members.items():
            host = self._hosts.get(key)
            if host is None:
                self._hosts[key] = _Host(member, now)
            else:
                host.member = member
        return came, went

    def heard(self, key: PublicKey, now: float, wall: float) -> None:
        """Something came from a host."""
        host = self._hosts.get(key)
        if host is not None:
            host.since = max(host.since, now)
            host.last_seen, host.heard = wall, True
            host.heard_at = now if host.heard_at is None else max(host.heard_at, now)

    def greeted(self, key: PublicKey, version: str, path: Path) -> None:
        """It said hello on a link by this path."""
        host = self._hosts.get(key)
        if host is not None:
            host.version, host.path = version, path

    def noted(self, key: PublicKey, note: PeerState, now: float, wall: float) -> None:
        """It said how it is."""
        host = self._hosts.get(key)
        if host is not None:
            host.note, host.noted_at = note, now
            host.clock.sample(time=note.time, echo=note.echo, held_s=note.held_s, now=wall)

    def away(self, key: PublicKey) -> None:
        """There is no link to it any more."""
        host = self._hosts.get(key)
        if host is not None:
            host.path = "none"

    def forgive(self, seconds: float) -> None:
        """For that long nobody here could listen: it is not held against the others."""
        for host in self._hosts.values():
            host.since += seconds

    def echo(self, key: PublicKey, now: float) -> tuple[float, float]:
        """The time a host last told us, and how long ago that was; 0, 0 when it told this daemon none."""
        host = self._hosts.get(key)
        if host is None or not host.noted_at:
            return 0.0, 0.0
        return host.note.time, max(0.0, now - host.noted_at)

    def look(self, now: float, key: PublicKey | None = None) -> list[Change]:
        """The hosts that are seen otherwise than at the last look; of all, or of this one."""
        host = None if key is None else self._hosts.get(key)
        hosts = self._hosts.items() if key is None else () if host is None else ((key, host),)
        changes = []
        for one, known in hosts:
            after = _reach(known, now)
            if after is not known.reach:
                changes.append(Change(one, known.reach, after))
                known.reach = after
        return changes

    def reach(self, key: PublicKey) -> Reach:
        """How a host was seen at the last look; a stranger is down."""
        host = self._hosts.get(key)
        return host.reach if host is not None else Reach.DOWN

    def row(self, key: PublicKey, now: float, wall: float) -> HostState:
        """All that is known of a host. Raises `KeyError` for a stranger."""
        host = self._hosts[key]
        note, seen = host.note, host.last_seen
        return HostState(
            label=host.member.label,
            key=key,
            state=host.reach,
            role=host.member.role,
            last_seen=seen,
            age_seconds=_age(host, now, wall),
            version=host.version,
            apps_up=note.apps_up,
            apps_total=note.apps_total,
            cpu_percent=note.cpu_percent,
            memory_bytes=note.memory_bytes,
            memory_total=note.memory_total,
            path=host.path,
            clock_offset_seconds=host.clock.offset_s,
            started_at=note.started_at or None,
            draining=note.draining,
            labels=host.member.labels,
            addresses=host.member.addresses,
        )

    def rows(self, now: float, wall: float) -> list[HostState]:
        """Every host, by label."""
        rows = (self.row(key, now, wall) for key in self._hosts)
        return sorted(rows, key=lambda row: (row.label, row.key))

    # What outlives the daemon.

    def seen(self, keys: Iterable[PublicKey] | None = None) -> Iterator[tuple[PublicKey, Seen]]:
        """What to keep of these hosts, or of all, as far as they were ever heard."""
        for key in tuple(self._hosts) if keys is None else keys:
            host = self._hosts.get(key)
            if host is not None and host.last_seen is not None:
                yield key, Seen(last_seen=host.last_seen, version=host.version, note=host.note)

    def recall(self, key: PublicKey, seen: Seen) -> None:
        """What an earlier daemon kept; what was heard since is not overwritten."""
        host = self._hosts.get(key)
        if host is not None and host.last_seen is None:
            host.last_seen, host.version, host.note = seen.last_seen, seen.version, seen.note


def _age(host: _Host, now: float, wall: float) -> float | None:
    """Seconds since it was heard: the longer of what two clocks say, so that neither makes old data fresh."""
    if host.last_seen is None:
        return None
    by_loop = now - host.heard_at if host.heard_at is not None else 0.0
    return max(0.0, wall - host.last_seen, by_loop)


def _reach(host: _Host, now: float) -> Reach:
    silent = now - host.since
    if silent >= DOWN_S:
        return Reach.DOWN
    if silent >= SUSPECT_S or not host.heard:
        return Reach.SUSPECT
    return Reach.PAUSED if host.note.paused else Reach.UP
