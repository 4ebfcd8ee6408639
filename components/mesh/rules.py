"""A route drawn as rules: random ids for each link, then what each node is ordered to install. Pure.

Of a route over the nodes v0 ... vn by the links L0 ... Ln-1, link i gets a forward id F and a reverse id R:

    v0                    in R0 from L0, out F0
    vi                    in Fi-1 from Li-1, out Ri-1;  in Ri from Li, out Fi
    vn                    in Fn-1 from Ln-1, out Rn-1

So each node knows the ids on its own links, and the links of others not at all.
"""

from collections.abc import Callable
from typing import NamedTuple

from components.mesh.setup import Create, End, Install, Leg
from signal_bus.ids import PublicKey


class Drawn(NamedTuple):
    """The initiator's own leg, and an order for each other node, in the order of the route."""

    own: Leg
    orders: tuple[tuple[PublicKey, Install], ...]


def draw(create: Create, order: bytes, draw_id: Callable[[], int]) -> Drawn:
    """The rules of a checked request; `order` names this attempt to the nodes, `draw_id` gives route ids."""
    towards, back = [], []
    for hop in create.hops:
        forward, reverse = draw_id(), draw_id()
        back.append(Leg(hop.transport, reverse, forward))  # at the node the link starts from
        towards.append(Leg(hop.transport, forward, reverse))  # at the node it leads to
    end = End(create.source, create.group, create.number, create.cipher)
    orders = []
    for number, hop in enumerate(create.hops):
        last = number == len(create.hops) - 1
        legs = (towards[number],) if last else (towards[number], back[number + 1])
        orders.append((PublicKey(hop.target), Install(order, legs, end if last else None)))
    return Drawn(back[0], tuple(orders))
