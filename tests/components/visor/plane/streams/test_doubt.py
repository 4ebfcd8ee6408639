"""A word of the peer that was lost with its link, while nothing was in flight that could tell."""

from components.visor.plane.streams.api import Left
from components.visor.plane.streams.doubt import Doubt
from components.visor.plane.streams.limits import ANSWER_S, ASK_LEAST_S, ASK_MOST_S, WINDOW_START
from tests.support.streams import Net

STEP_S = 0.05
SOON_S = ASK_MOST_S + ANSWER_S + 2 * STEP_S
BOTH = {True, False}


def joined() -> Net:
    net = Net()
    net.up()
    net.up()
    net.settle()
    return net


def live(net: Net, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        net.pass_time(STEP_S)
        net.pump()


def blocked(net: Net) -> int:
    """A stream whose app at the far end takes nothing: all its credit is used, all it sent acknowledged."""
    net.b.room = 0
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, bytes(2 * WINDOW_START))
    net.settle()
    return id


def test_credit_that_was_lost_with_its_route_comes_by_the_other() -> None:
    net = joined()
    id = blocked(net)
    net.wires[1].mute = BOTH
    net.take(net.b, id, 4 * WINDOW_START)
    live(net, SOON_S)
    assert net.a.switches[-1] == (1, 2, Left.STALLED)
    net.settle()
    assert len(net.b.apps[id].got) == 2 * WINDOW_START


def test_an_app_that_is_slow_makes_nobody_leave_its_route() -> None:
    net = joined()
    blocked(net)
    live(net, 60.0)
    assert net.a.group.active == net.b.group.active == 1
    assert len(net.a.switches) == 1


def test_an_opening_that_was_lost_is_told_again() -> None:
    for lost in (BOTH, {False}):
        net = joined()
        net.wires[1].mute = lost
        _, app = net.open(net.a)
        live(net, SOON_S)
        net.settle()
        assert app.opens == 1


def test_without_another_route_it_waits() -> None:
    net = Net()
    net.up()
    net.settle()
    id = blocked(net)
    net.wires[1].mute = BOTH
    live(net, 5.0)
    net.wires[1].mute = set()
    net.take(net.b, id, 4 * WINDOW_START)
    net.settle()
    assert len(net.b.apps[id].got) == 2 * WINDOW_START
    assert net.a.dead == []


def test_it_asks_soon_and_then_less_often() -> None:
    doubt = Doubt()
    assert [doubt.at] == [None]
    doubt.waits(2, 10.0)
    assert doubt.at == 10.0 + ASK_LEAST_S
    doubt.ask(11.0, 0.5)
    assert (doubt.asked, doubt.at) == (True, 11.5)
    pauses = []
    for _ in range(6):
        doubt.later(20.0)
        pauses.append((doubt.at or 0.0) - 20.0)
    assert pauses == sorted(pauses)
    assert pauses[-1] == ASK_MOST_S
    doubt.waits(4, 30.0)
    doubt.goes_on(2)
    assert [doubt.at] != [None]
    doubt.clear()
    assert [doubt.at] == [None]


def test_nothing_is_asked_while_acknowledgements_tell() -> None:
    net = joined()
    id, _ = net.open(net.a)
    net.settle()
    net.a.group._core.doubt.waits(id, net.now)
    net.write(net.a, id, b"under way")
    net.pull(net.a, 1)
    net.pass_time(2 * ASK_LEAST_S)
    assert not net.a.group._core.doubt.asked


def test_who_ends_waits_no_more() -> None:
    net = joined()
    id = blocked(net)
    doubt = net.a.group._core.doubt
    before = doubt.at
    net.a.group.reset(id)
    assert (before is None, doubt.at is None) == (False, True)
