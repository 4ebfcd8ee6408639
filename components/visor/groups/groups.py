"""All groups of this node: those it dialled, each with its upkeep, and those it was dialled for.

A group that we dialled lives as long as its upkeep; one we were dialled for as long as the other side keeps
routes to us. Streams that the peer opens, and messages, go to the `Taker`, the door of the apps.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from components.mesh.aead import Cipher
from components.mesh.endtoend import GROUP_BYTES, RouteName
from components.mesh.errors import Busy, CallerError
from components.mesh.frame import CloseCode
from components.visor.groups.path import Path, Policy
from components.visor.groups.suspects import Suspects
from components.visor.groups.upkeep import PathFinder, RouteMaker, Upkeep, patience_s
from components.visor.plane.joint import Joint
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Code, Left
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.errors import StreamsError
from components.visor.plane.table import InstallError, Plan
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

GROUPS_MAX: Final = 4096
ANSWERED_A_PEER: Final = 64
DIALLED_A_PEER: Final = 48  # above it the oldest idle one goes: the peer would refuse one too many
SWEEP_S: Final = 5.0
COST_UNKNOWN: Final = 0  # the side that was dialled follows the other's choice


class Taker(Protocol):
    """The apps of this node."""

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """A peer opens a stream: `joint.accept` or `joint.group.reset`, now or later."""

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A datagram-like message; `body` is valid during the call only."""


class Groups:
    """Owns every joint of a node."""

    def __init__(
        self,
        router: Router,
        identity: Identity,
        memory: Memory,
        finder: PathFinder,
        maker: RouteMaker,
        taker: Taker,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`tasks` is the node's own; each dialled group has one task in it."""
        self.counts: Counter[str] = Counter()
        self._router = router
        self._identity = identity
        self._memory = memory
        self._finder = finder
        self._maker = maker
        self._taker = taker
        self._dialled: dict[tuple[PublicKey, Policy], Upkeep] = {}
        self._answered: dict[bytes, Joint] = {}
        self._lonely: dict[bytes, float] = {}
        self._tasks = tasks
        self._suspects = Suspects()

    # -- outwards

    async def dial(self, peer: PublicKey, policy: Policy | None = None) -> Joint:
        """The group to `peer` with at least one open route. Raises `MeshError` saying what failed."""
        key = (peer, policy or Policy())
        upkeep = self._dialled.get(key) or self._begin(*key)
        await upkeep.ready()
        return upkeep.joint

    def _begin(self, peer: PublicKey, policy: Policy) -> Upkeep:
        if peer == self._identity.public_key:
            raise CallerError("a node has no route to itself")
        if len(self._dialled) + len(self._answered) >= GROUPS_MAX:
            raise Busy("groups", GROUPS_MAX)
        self._make_room(peer)
        joint = self._joint(peer, secrets.token_bytes(GROUP_BYTES), initiates=True)
        upkeep = Upkeep(joint, policy, self._finder, self._maker, self._over, self._suspects)
        self._dialled[peer, policy] = upkeep
        self._tasks.create_task(self._guarded(upkeep))
        return upkeep

    def _make_room(self, peer: PublicKey) -> None:
        """Of many groups to one peer, the oldest that no stream uses is closed."""
        ours = [upkeep for upkeep in self._dialled.values() if upkeep.joint.peer == peer]
        if len(ours) >= DIALLED_A_PEER:
            idle = (upkeep for upkeep in ours if upkeep.joint.open_routes and upkeep.joint.group.idle)
            oldest = next(idle, None)
            if oldest is not None:
                self._over(oldest)
                oldest.close()

    async def _guarded(self, upkeep: Upkeep) -> None:
        try:
            await upkeep.run()
        except Exception:  # a fault in one group must not end the others
            log.exception("the group to peer=%s failed", upkeep.joint.peer.hex())

    def _over(self, upkeep: Upkeep) -> None:
        key = upkeep.joint.peer, upkeep.policy
        if self._dialled.get(key) is upkeep:
            del self._dialled[key]

    # -- inwards

    def respond(self, peer: PublicKey, group: bytes, number: int, cipher: Cipher, plan: Plan) -> None:
        """A setup node ordered the far end of a route in this node. Raises `InstallError`."""
        joint = self._answered.get(group)
        if joint is None:
            joint = self._answer(peer, group)
        elif joint.peer != peer:
            raise InstallError("bad-plan", "that group belongs to another pair of nodes")
        name = RouteName(peer, self._identity.public_key, group, number, cipher)
        if number in joint.ends:
            raise InstallError("collision", f"route {number} of that group is there already")
        try:
            joint.install(plan, name, cost=COST_UNKNOWN)
        except StreamsError as exc:
            raise InstallError("busy", str(exc)) from exc

    def _answer(self, peer: PublicKey, group: bytes) -> Joint:
        theirs = self._answered_to(peer)
        if theirs >= ANSWERED_A_PEER:
            self._drop_left(peer)
            theirs = self._answered_to(peer)
        if theirs >= ANSWERED_A_PEER or len(self._dialled) + len(self._answered) >= GROUPS_MAX:
            raise InstallError("busy", "too many groups are open here")
        joint = self._joint(peer, group, initiates=False)
        self._answered[group] = joint
        return joint

    def _answered_to(self, peer: PublicKey) -> int:
        return sum(joint.peer == peer for joint in self._answered.values())

    def _drop_left(self, peer: PublicKey) -> None:
        """Close the groups that this peer left: no route any more, and no stream that waits for one."""
        for group, joint in tuple(self._answered.items()):
            if joint.peer == peer and not joint.ends and joint.group.idle:
                del self._answered[group]
                self._lonely.pop(group, None)
                joint.close(CloseCode.NORMAL)

    def _joint(self, peer: PublicKey, id: bytes, *, initiates: bool) -> Joint:
        loop = asyncio.get_running_loop()
        return Joint(
            loop, self._router, self._identity, self._memory, self, peer=peer, id=id, initiates=initiates
        )

    # -- what joints tell

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """A peer opens a stream."""
        self.counts["offered"] += 1
        self._taker.offered(joint, stream, port, source)

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A message came."""
        self.counts["messages"] += 1
        self._taker.message(joint, port, source, body)

    def routes_changed(self, joint: Joint) -> None:
        """A route opened or went."""
        for upkeep in tuple(self._dialled.values()):
            if upkeep.joint is joint:
                upkeep.changed()

    def switched(self, joint: Joint, why: Left) -> None:
        """Streams go by another route."""
        self.counts[f"switched_{why.name.lower()}"] += 1
        if why is Left.STALLED:
            for upkeep in self._dialled.values():
                if upkeep.joint is joint:
                    upkeep.stalled()
        if joint.id in self._answered:
            self._end_those_before(joint)
        log.info("peer=%s: streams go by another route: %s", joint.peer.hex(), why.name.lower())

    def _end_those_before(self, joint: Joint) -> None:
        """A peer that dials as a new process knows nothing of the groups its last one dialled.

        Only older groups end: a greeting of the process before, held back on the way, ends nothing new.
        """
        for group, older in tuple(self._answered.items()):
            if older is joint:
                return
            known = older.group.peer_incarnation
            if older.peer == joint.peer and known not in (None, joint.group.peer_incarnation):
                log.info("peer=%s runs anew: a group of its last process ends", joint.peer.hex())
                del self._answered[group]
                self._lonely.pop(group, None)
                older.close(CloseCode.EXPIRED, Code.RESTARTED)

    # -- the whole

    @property
    def quiet(self) -> bool:
        """Whether all that apps wrote has reached its peers."""
        return all(joint.group.quiet for joint in self.joints())

    def joints(self) -> Sequence[Joint]:
        """Every group that is open, dialled ones first."""
        return [*(upkeep.joint for upkeep in self._dialled.values()), *self._answered.values()]

    def path_of(self, joint: Joint, number: int) -> Sequence[PublicKey]:
        """The nodes between, of a route that we dialled; of others we do not know them."""
        path = self.whole_path_of(joint, number)
        return () if path is None else path.between

    def whole_path_of(self, joint: Joint, number: int) -> Path | None:
        """All hops of a route that we dialled; of others we do not know them."""
        for upkeep in self._dialled.values():
            if upkeep.joint is joint and number in upkeep.paths:
                return upkeep.paths[number]
        return None

    def network_changed(self) -> None:
        """A link came or went: there may be a better path."""
        for upkeep in self._dialled.values():
            upkeep.network_changed()

    async def run(self) -> None:
        """Sweep until cancelled; then close every group."""
        try:
            while True:
                await asyncio.sleep(SWEEP_S)
                self.sweep(asyncio.get_running_loop().time())
        finally:
            self.close()

    def sweep(self, now: float) -> None:
        """Close the groups whose other side is gone for long."""
        for group, joint in tuple(self._answered.items()):
            if joint.ends:
                self._lonely.pop(group, None)
            elif now - (lost_at := self._lonely.setdefault(group, now)) > patience_s(joint, lost_at):
                self._lonely.pop(group, None)
                del self._answered[group]
                joint.close(CloseCode.EXPIRED)

    @property
    def idle(self) -> bool:
        """Whether no stream of a group that has a route lives."""
        return all(joint.group.idle for joint in self.joints() if joint.open_routes)

    def close(self) -> None:
        """Close every group; streams are reset."""
        for upkeep in tuple(self._dialled.values()):
            upkeep.close()
            upkeep.joint.close(CloseCode.SHUTDOWN)
        for joint in self._answered.values():
            joint.close(CloseCode.SHUTDOWN)
        self._dialled.clear()
        self._answered.clear()
        self._lonely.clear()


def refuse(joint: Joint, stream: int, code: Code = Code.REFUSED) -> None:
    """Nobody takes this stream."""
    joint.group.reset(stream, code)
