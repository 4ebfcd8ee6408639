import pytest

from components.visor.plane.streams.api import Code, Left
from components.visor.plane.streams.errors import LimitError, UnitError
from components.visor.plane.streams.limits import HOLD_S, KEEP_ALIVE_S, ROUTES_MAX, STALL_LEAST_S
from components.visor.plane.streams.resume import Flag, Resume
from components.visor.plane.unit import Kind, read_head
from tests.support.streams import Net, Side

ROOM = memoryview(bytearray(1 << 16))


def joined(*costs: int) -> Net:
    net = Net()
    for cost in costs:
        net.up(cost)
    net.settle()
    return net


def active(net: Net) -> tuple[int | None, int | None]:
    return net.a.group.active, net.b.group.active


def test_the_first_route_is_used_by_both() -> None:
    net = joined(1)
    assert active(net) == (1, 1)
    assert net.a.switches == net.b.switches == [(None, 1, Left.NONE)]


def test_who_was_dialled_uses_no_route_before_it_hears_the_other() -> None:
    net = Net()
    net.up()
    assert active(net) == (1, None)


def test_a_dead_route_is_left_at_once_and_nothing_is_lost() -> None:
    net = joined(1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, bytes(300_000))
    net.pull(net.a, 1)
    net.kill(1)
    assert active(net) == (2, 2)
    net.settle()
    assert net.b.apps[id].got == bytes(300_000)


def test_without_any_route_it_waits_for_the_next_one() -> None:
    net = joined(1)
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, b"kept")
    net.pull(net.a, 1)
    net.kill(1)
    assert active(net) == (None, None)
    assert net.a.switches[-1] == (1, None, Left.DEAD)
    net.up()
    net.settle()
    assert net.b.apps[id].got == b"kept"


def test_a_silent_route_is_left_when_no_acknowledgement_comes() -> None:
    net = joined(1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.wires[1].mute = {True, False}
    net.write(net.a, id, b"across")
    net.pull(net.a, 1)
    net.pass_time(STALL_LEAST_S / 2)
    assert active(net) == (1, 1)
    net.pass_time(STALL_LEAST_S)
    assert active(net)[0] == 2
    net.settle()
    assert active(net) == (2, 2)
    assert net.a.switches[-1] == (1, 2, Left.STALLED)
    assert net.b.switches[-1] == (1, 2, Left.FOLLOWED)
    assert net.b.apps[id].got == b"across"


def test_a_route_that_swallows_acknowledgements_is_left_by_both() -> None:
    net = joined(1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.wires[1].mute = {False}
    net.write(net.a, id, b"across")
    net.settle()
    net.pass_time(STALL_LEAST_S * 2)
    net.settle()
    assert active(net) == (2, 2)
    net.write(net.b, id, b"back")
    net.settle()
    assert net.a.apps[id].got == b"back"


def test_the_side_that_was_dialled_may_leave_a_route_and_is_followed() -> None:
    net = joined(1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.wires[1].mute = {False}
    net.write(net.b, id, b"answer")
    net.pull(net.b, 1)
    net.pass_time(STALL_LEAST_S * 2)
    net.settle()
    assert active(net) == (2, 2)
    assert net.a.switches[-1] == (1, 2, Left.FOLLOWED)


def test_a_stall_without_another_route_waits_longer_each_time() -> None:
    net = joined(1)
    id, _ = net.open(net.a)
    net.settle()
    net.wires[1].mute = {True}
    net.write(net.a, id, b"x")
    net.pull(net.a, 1)
    net.pass_time(STALL_LEAST_S)
    first = net.a.group.next_deadline()
    assert first is not None
    assert first - net.now == pytest.approx(2 * STALL_LEAST_S)
    net.pass_time(2 * STALL_LEAST_S)
    second = net.a.group.next_deadline()
    assert second is not None
    assert second - net.now == pytest.approx(4 * STALL_LEAST_S)
    assert active(net)[0] == 1


def test_a_sleeping_peer_does_not_make_routes_flap() -> None:
    net = joined(1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, b"x")
    for _ in range(600):
        net.pull(net.a, 1)
        net.pull(net.a, 2)
        net.pass_time(0.1)
    assert len(net.a.switches) < 15


def test_a_better_route_is_taken_after_a_while_and_without_a_gap() -> None:
    net = joined(5)
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, bytes(100_000))
    net.pull(net.a, 1)
    net.up(1)
    net.settle()
    assert active(net) == (1, 1)
    assert net.a.group.next_deadline() == pytest.approx(100.0 + HOLD_S)
    net.pass_time(HOLD_S)
    net.write(net.a, id, bytes(100_000))
    net.settle()
    assert active(net) == (2, 2)
    assert net.a.switches[-1] == (1, 2, Left.BETTER)
    assert net.b.apps[id].got == bytes(200_000)


def test_a_better_route_that_never_answered_is_not_taken() -> None:
    net = joined(5)
    number = net.up(1)
    net.wires[number].mute = {False}
    net.pass_time(HOLD_S * 2)
    net.settle()
    assert active(net) == (1, 1)


def test_a_route_nobody_hears_is_buried() -> None:
    net = joined(1, 1)
    net.wires[2].mute = {True, False}
    for _ in range(4):
        net.pass_time(KEEP_ALIVE_S)
        net.settle()
    assert net.a.dead == net.b.dead == [2]
    assert net.a.group.routes == (1,)


def test_the_peer_names_a_dead_route_and_it_is_closed_here_too() -> None:
    net = joined(1, 1)
    net.cut(1)
    net.a.group.route_down(1, net.now)
    net.settle()
    assert net.b.dead == [1]
    assert active(net) == (2, 2)


def test_two_that_move_at_the_same_moment_agree() -> None:
    net = joined(1, 1, 1)
    id, _ = net.open(net.a)
    net.settle()
    net.cut(1)
    net.a.group.route_down(1, net.now)
    net.cut(2)
    net.b.group.route_down(2, net.now)
    net.b.group.route_down(1, net.now)
    net.settle()
    assert active(net)[1] == 3
    net.write(net.b, id, b"x")
    net.settle()
    assert net.a.apps[id].got == b"x"


def test_too_many_routes_and_a_number_used_twice_are_refused() -> None:
    net = Net()
    for _ in range(ROUTES_MAX):
        net.up()
    with pytest.raises(LimitError, match="at most"):
        net.up()
    net.kill(1)
    with pytest.raises(LimitError, match="up already"):
        net.a.group.route_up(2, cost=1, now=net.now)


def test_a_peer_that_was_restarted_ends_its_streams_here() -> None:
    net = joined(1)
    id, app = net.open(net.a)
    net.settle()
    net.crash()
    waiting, _ = net.open(net.a)
    net.up()
    net.settle()
    assert app.codes == [Code.RESTARTED]
    assert id not in net.b.apps
    net.write(net.a, waiting, b"to the new one", end=True)
    net.settle()
    assert net.b.apps[waiting].got == b"to the new one"
    answer, _ = net.open(net.b)
    net.settle()
    assert answer in net.a.apps


def test_a_route_to_a_replaced_process_is_refused() -> None:
    net = joined(1, 1)
    hello = bytes([10, 0, 0, 0, 0, 0, 0, 0]) + (99).to_bytes(8, "big") + bytes(8)
    with pytest.raises(UnitError, match="replaced"):
        net.a.group.take_unit(1, memoryview(hello), net.now)


def hears_resume(net: Net, side: Side, route: int, left: int, *, move: int, flags: int = Flag.LAST) -> None:
    resume = memoryview(bytearray(100))
    size, _ = Resume(left, flags, move, []).write(resume, lambda id: None)
    side.group.take_unit(route, resume[:size], net.now)


def test_a_new_route_hears_of_streams_in_the_order_they_were_opened() -> None:
    net = joined(1)
    net.open(net.a)
    net.pull(net.a, 1)
    net.open(net.a)
    net.kill(1)
    net.up()
    opened = []
    while size := net.a.group.next_unit(2, ROOM, net.now):
        kind, id, _ = read_head(ROOM[:size])
        opened += [id] * (kind == Kind.OPEN)
    assert opened == [2, 4]


def test_what_was_meant_for_the_process_before_is_not_taken_by_the_new_one() -> None:
    net = joined(1)
    net.open(net.b)
    net.settle()
    net.crash()
    id, app = net.open(net.b)
    assert id in net.a.apps  # the new process counts from the start, as the one before did
    net.up()
    while net.pull(net.a, 2):
        pass
    while net.deliver(net.a, 2):
        pass
    assert app.opens == 0
    net.settle()
    assert app.opens == 1
    assert net.a.apps[id].codes == []


def test_who_dialled_follows_one_that_decided_and_not_one_that_followed() -> None:
    net = joined(1, 1)
    hears_resume(net, net.a, 2, left=1, move=1, flags=Flag.LAST | Flag.FOLLOWED)
    assert net.a.group.active == 1
    hears_resume(net, net.a, 2, left=7, move=2)
    assert net.a.group.active == 1
    hears_resume(net, net.a, 2, left=1, move=3)
    assert net.a.group.active == 2


def test_an_earlier_move_that_comes_later_is_not_followed() -> None:
    net = joined(1, 1)
    hears_resume(net, net.b, 2, left=1, move=5)
    assert net.b.group.active == 2
    hears_resume(net, net.b, 1, left=2, move=4)
    assert net.b.group.active == 2
