"""What each process of a path is told: its sockets, its links, its routes. Pure.

    source ==app== first --link-- middle --link-- ... --link-- last ==app== sink

Routes run beside each other from the first node to the last, each through middles of its own. Nobody sets
them up: the rules are drawn here, the keys of the links too, so that the setup is not in the figures.
"""

import secrets

from msgspec import Struct

from signal_bus.identity import Identity, draw


class LinkOrder(Struct, frozen=True):
    """One link: its socket and the keys of both directions, as hex."""

    fd: int
    seal: str
    open: str


class LegOrder(Struct, frozen=True):
    """One leg of a rule; `link` is the place in the node's list."""

    link: int
    in_id: int
    out_id: int


class GroupOrder(Struct, frozen=True):
    """The end of the group, where a node is one; seeds as hex."""

    initiates: bool
    seeds: tuple[str, str]  # the first node's, the last node's
    id: str


class NodeOrder(Struct, frozen=True):
    """All that one node is told. `apps`: sockets of the apps, in the order of their streams' ports."""

    links: tuple[LinkOrder, ...]
    routes: tuple[tuple[LegOrder, ...], ...]
    group: GroupOrder | None = None
    apps: tuple[int, ...] = ()


class Cable(Struct, frozen=True):
    """A link seen from above: the sockets of both ends, its keys, and the ids of its route."""

    left: int
    right: int
    keys: tuple[str, str]
    ids: tuple[int, int]  # forward, back

    @property
    def orders(self) -> tuple[LinkOrder, LinkOrder]:
        """What the two ends are told."""
        there, back = self.keys
        return LinkOrder(self.left, there, back), LinkOrder(self.right, back, there)


def cable(left: int, right: int) -> Cable:
    """A link over two connected sockets."""
    keys = secrets.token_hex(32), secrets.token_hex(32)
    return Cable(left, right, keys, (secrets.randbelow(2**31) + 1, secrets.randbelow(2**31) + 1))


def middle(before: Cable, after: Cable) -> NodeOrder:
    """A node between two links."""
    legs = (
        LegOrder(0, in_id=before.ids[0], out_id=before.ids[1]),
        LegOrder(1, in_id=after.ids[1], out_id=after.ids[0]),
    )
    return NodeOrder((before.orders[1], after.orders[0]), (legs,))


def ends(
    paths: list[list[Cable]], near: tuple[int, ...], far: tuple[int, ...]
) -> tuple[NodeOrder, NodeOrder]:
    """The first node and the last one; each path is one route of their group, the first one the best."""
    seeds, group = (draw().hex(), draw().hex()), secrets.token_hex(16)
    starts, finals = [path[0] for path in paths], [path[-1] for path in paths]
    return (
        NodeOrder(
            tuple(one.orders[0] for one in starts),
            tuple((LegOrder(at, one.ids[1], one.ids[0]),) for at, one in enumerate(starts)),
            GroupOrder(initiates=True, seeds=seeds, id=group),
            near,
        ),
        NodeOrder(
            tuple(one.orders[1] for one in finals),
            tuple((LegOrder(at, one.ids[0], one.ids[1]),) for at, one in enumerate(finals)),
            GroupOrder(initiates=False, seeds=seeds, id=group),
            far,
        ),
    )


def identities(group: GroupOrder) -> tuple[Identity, Identity]:
    """Ours and the peer's."""
    first, last = (Identity(bytes.fromhex(seed)) for seed in group.seeds)
    return (first, last) if group.initiates else (last, first)
