import random

import pytest

from components.visor.plane.streams.tally import Tally
from tests.support.streams import Net


def joined() -> tuple[Net, int, Tally, Tally]:
    net = Net()
    net.up()
    net.settle()
    id, _ = net.open(net.a)
    net.settle()
    here, there = net.a.group.tally(id), net.b.group.tally(id)
    assert here is not None
    assert there is not None
    return net, id, here, there


def told(tally: Tally) -> tuple[int, int, int]:
    return tally.acknowledged_bytes, tally.unsure_bytes, tally.received_bytes


def test_a_stream_that_ended_is_known_to_both_alike() -> None:
    net, id, here, there = joined()
    net.write(net.a, id, bytes(300_000), end=True)
    net.write(net.b, id, bytes(70), end=True)
    net.settle()
    assert told(here) == (300_000, 0, 70)
    assert told(there) == (70, 0, 300_000)
    assert here.settled
    assert there.settled
    assert net.a.group.tally(id) is None


def test_who_resets_tells_first_what_came() -> None:
    net, id, here, _ = joined()
    net.write(net.a, id, bytes(1000))
    net.pump()
    assert told(here) == (0, 1000, 0)
    assert not here.settled
    net.b.group.reset(id)
    net.settle()
    assert told(here) == (1000, 0, 0)
    assert here.settled


def test_the_answer_to_a_reset_tells_what_came() -> None:
    net, id, here, _ = joined()
    net.write(net.a, id, bytes(1000))
    net.pump()
    net.a.group.reset(id)
    assert told(here) == (0, 1000, 0)
    net.settle()
    assert told(here) == (1000, 0, 0)
    assert here.settled


@pytest.mark.parametrize("seed", range(60))
def test_whoever_breaks_off_and_whatever_route_dies_both_know_the_same(seed: int) -> None:
    dice = random.Random(seed)
    net, id, here, there = joined()
    net.up(cost=2)
    net.settle()
    for _ in range(dice.randrange(8)):
        net.write(dice.choice((net.a, net.b)), id, bytes(dice.randrange(1, 200_000)))
        net.pump()
        if dice.random() < 0.2 and len(net.wires) > 1:
            net.kill(dice.choice(list(net.wires)))
    for side in dice.choice(((net.a,), (net.b,), (net.a, net.b))):
        side.group.reset(id)
    if dice.random() < 0.5 and len(net.wires) > 1:
        net.pump()
        net.kill(dice.choice(list(net.wires)))
    net.settle()
    for one, other in ((here, there), (there, here)):
        least = one.acknowledged_bytes
        assert least <= other.received_bytes <= least + one.unsure_bytes


def test_an_answer_that_is_lost_leaves_a_doubt() -> None:
    net, id, here, there = joined()
    net.write(net.a, id, bytes(1000))
    net.pump()
    net.a.group.reset(id)
    net.pull(net.a, 1)
    net.deliver(net.a, 1)
    net.up()
    net.kill(1)
    net.settle()
    assert told(here) == (0, 1000, 0)
    assert told(there) == (0, 0, 1000)
    assert here.settled
