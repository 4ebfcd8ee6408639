"""One node's data plane as a process: `python -m bench.mesh.node ORDER`. It ends with its standard input."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence

import msgspec

from bench.mesh.layout import GroupOrder, NodeOrder, identities
from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteName
from components.mesh.record import Opener, Sealer
from components.visor.plane.joint import Joint
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Left
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from components.visor.plane.table import LegPlan, Plan
from signal_bus.ids import PublicKey

_CIPHER = Cipher.AES
_NOBODY = PublicKey(bytes(32))


class Apps:
    """The owner of the joint: stream after stream gets its app's socket, by the port it asks for."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets
        self.changed = asyncio.Event()

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """The far app's socket waits under that number."""
        joint.accept(stream, self.sockets[port], _over)

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """Nobody sends any."""

    def routes_changed(self, joint: Joint) -> None:
        """Perhaps all are open now."""
        self.changed.set()

    def switched(self, joint: Joint, why: Left) -> None:
        """The bulk goes on by the other route."""


def _over(code: int | None) -> None:
    """The bench counts in its apps."""


def links(router: Router, order: NodeOrder) -> list[Link]:
    """All links, up."""
    made = []
    for one in order.links:
        sock = socket.socket(fileno=one.fd)
        sock.setblocking(False)
        sealer, opener = (Sealer(_CIPHER, bytes.fromhex(one.seal)), Opener(_CIPHER, bytes.fromhex(one.open)))
        made.append(router.join(_NOBODY, sock, sealer, opener, _ended))
    return made


def _ended(link: Link, reason: str) -> None:
    print(f"{link}: {reason}", file=sys.stderr)


def plans(order: NodeOrder, made: Sequence[Link]) -> list[Plan]:
    """The rules of each route here."""
    return [
        Plan(
            legs=tuple(
                LegPlan(link=made[leg.link].number, in_id=leg.in_id, out_id=leg.out_id) for leg in legs
            ),
            owner=b"bench",
        )
        for legs in order.routes
    ]


async def join(loop: asyncio.AbstractEventLoop, router: Router, order: NodeOrder, group: GroupOrder) -> Joint:
    """The end of the group; the side that dials waits for its routes and opens the apps' streams."""
    apps = Apps([socket.socket(fileno=fd) for fd in order.apps])
    ours, theirs = identities(group)
    memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
    joint = Joint(
        loop,
        router,
        ours,
        memory,
        apps,
        peer=theirs.public_key,
        id=bytes.fromhex(group.id),
        initiates=group.initiates,
    )
    keys = (ours, theirs) if group.initiates else (theirs, ours)
    for number, plan in enumerate(plans(order, links(router, order)), 1):
        name = RouteName(keys[0].public_key, keys[1].public_key, bytes.fromhex(group.id), number, _CIPHER)
        joint.install(plan, name, cost=number)
    if group.initiates:
        while joint.open_routes < len(order.routes):
            apps.changed.clear()
            await apps.changed.wait()
        for port, sock in enumerate(apps.sockets):
            joint.open(port, sock, source=port, over=_over)
    return joint


async def serve(order: NodeOrder) -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    router, joint = Router(loop), None
    if order.group is not None:
        joint = await join(loop, router, order, order.group)
    else:
        for plan in plans(order, links(router, order)):
            router.install(plan)
    over = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    print("ready", flush=True)
    await over.wait()
    loop.remove_reader(sys.stdin.fileno())
    if joint is not None:
        joint.close()
    router.close()


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=NodeOrder)))
