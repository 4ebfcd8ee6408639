import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from components.visor.plane.streams.api import Code, Want
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import (
    ACK_DELAY_S,
    ANSWER_S,
    ASK_LEAST_S,
    HOLD_S,
    KEEP_ALIVE_S,
    LOOK_S,
    MESSAGES_WAITING,
    STALL_LEAST_S,
    STALL_UNKNOWN_S,
    WINDOW_START,
)
from tests.support.chaos_of_streams import Chaos
from tests.support.streams import App, Net

# The seed says it all; smaller ones are not simpler.
NO_SHRINKING = (Phase.explicit, Phase.generate)


def both_ways(net: Net) -> None:
    id, ours = net.open(net.a)
    net.settle()
    theirs = net.b.apps[id]
    net.write(net.a, id, b"question", end=True)
    net.settle()
    assert (bytes(theirs.got), theirs.ends) == (b"question", 1)
    net.write(net.b, id, b"answer", end=True)
    net.settle()
    assert (bytes(ours.got), ours.ends) == (b"answer", 1)
    assert ours.codes == theirs.codes == [None]


def test_a_stream_is_opened_used_half_closed_and_forgotten() -> None:
    net = Net()
    net.up()
    both_ways(net)
    assert net.b.offers == [(2, 7, 9)]
    net.assert_nothing_is_held()


@given(seed=st.integers(0, 1 << 40), steps=st.integers(50, 1000))
@settings(max_examples=40, deadline=None, phases=NO_SHRINKING)
def test_every_reader_sees_exactly_what_was_written_whatever_routes_die(seed: int, steps: int) -> None:
    chaos = Chaos(seed)
    chaos.run(steps)
    chaos.assert_all_arrived()


@given(seed=st.integers(0, 1 << 40), steps=st.integers(50, 1000))
@settings(max_examples=30, deadline=None, phases=NO_SHRINKING)
def test_resets_and_a_crash_leave_nothing_behind(seed: int, steps: int) -> None:
    chaos = Chaos(seed, resets=True, crashes=True)
    chaos.run(steps)
    chaos.assert_all_over()


def test_a_stream_is_offered_with_both_ports_and_may_be_refused() -> None:
    net = Net()
    net.up()
    net.b.accepting = False
    id, app = net.open(net.a, 80)
    net.settle()
    assert net.b.offers == [(id, 80, 9)]
    net.b.group.reset(id, Code.REFUSED)
    net.settle()
    assert app.codes == [Code.REFUSED]
    assert not net.b.group.accept(id, App())
    net.assert_nothing_is_held()


def test_an_app_may_write_before_its_stream_is_open() -> None:
    net = Net()
    net.up()
    id, app = net.open(net.a)
    net.write(net.a, id, b"early", end=True)
    net.settle()
    assert app.opens == 1
    assert net.b.apps[id].got == b"early"


def test_a_slow_reader_stops_its_writer_and_nobody_else() -> None:
    net = Net()
    net.up()
    slow, _ = net.open(net.a)
    quick, _ = net.open(net.a)
    net.settle()
    net.b.apps[slow].room = 0
    net.write(net.a, slow, bytes(3 * WINDOW_START))
    net.write(net.a, quick, bytes(3 * WINDOW_START))
    net.settle()
    assert len(net.a.apps[slow].to_send) == 2 * WINDOW_START
    assert len(net.b.apps[quick].got) == 3 * WINDOW_START
    assert net.a.memory.sending.used == 0
    net.take(net.b, slow, 1 << 30)
    net.settle()
    assert len(net.b.apps[slow].got) == 3 * WINDOW_START


def test_a_window_grows_with_the_way() -> None:
    net = Net()
    net.delay = 0.05
    net.up()
    id, _ = net.open(net.a)
    net.settle()
    net.write(net.a, id, bytes(1 << 25))
    turns = 0
    while len(net.b.apps[id].got) < 1 << 25:
        turns += 1
        while net.pull(net.a, 1) or net.pull(net.b, 1):
            pass
        net.pump()
    assert turns < (1 << 25) / WINDOW_START / 4


def test_messages_pass_once_and_are_dropped_when_too_many_wait() -> None:
    net = Net()
    net.up()
    net.settle()
    sent = sum(net.a.group.send(7, b"m%d" % number, source=9) for number in range(300))
    assert sent == MESSAGES_WAITING
    net.settle()
    assert net.b.messages == [(7, 9, b"m%d" % number) for number in range(sent)]


def test_more_streams_than_allowed_are_refused_to_the_caller() -> None:
    net = Net(streams_max=2)
    net.open(net.a)
    net.open(net.a)
    with pytest.raises(LimitError, match="too many"):
        net.open(net.a)


def test_without_memory_for_a_window_no_stream_is_opened() -> None:
    net = Net(budget=1000)
    with pytest.raises(LimitError, match="no memory"):
        net.open(net.a)
    assert net.a.group.idle


def test_a_closed_group_gives_all_back_and_takes_nothing_more() -> None:
    net = Net()
    net.up()
    id, app = net.open(net.a)
    net.settle()
    net.write(net.a, id, bytes(10_000))
    net.pull(net.a, 1)
    net.a.group.close()
    net.a.group.close()
    assert app.codes == [Code.CLOSED]
    assert net.a.memory.sending.used == net.a.memory.receiving.used == 0
    assert (net.a.group.routes, net.a.group.active) == ((), None)
    assert net.a.group.wants(1) is Want.NOTHING
    assert net.a.group.next_deadline() is None
    assert not net.a.group.send(7, b"m", source=9)
    with pytest.raises(LimitError, match="closed"):
        net.open(net.a)
    with pytest.raises(LimitError, match="closed"):
        net.a.group.route_up(9, cost=1, now=0.0)


def test_orders_for_streams_that_are_gone_change_nothing() -> None:
    net = Net()
    net.a.group.readable(2)
    net.a.group.writable(2, 0.0)
    net.a.group.reset(2)
    assert net.a.group.idle


def test_the_owner_is_woken_once_until_it_has_pulled() -> None:
    net = Net()
    net.up()
    id, _ = net.open(net.a)
    net.settle()
    net.a.woken.clear()
    net.write(net.a, id, b"x")
    assert net.a.woken == {1: Want.BULK}
    net.a.woken.clear()
    net.a.group.readable(id)
    assert net.a.woken == {}
    net.settle()
    net.a.woken.clear()
    net.write(net.a, id, b"y")
    assert net.a.woken == {1: Want.BULK}


def test_first_bytes_go_along_with_the_opening() -> None:
    net = Net()
    number = net.up()
    net.settle()
    id, app = net.open(net.a)
    assert net.a.group.early(id, b"hello")
    while net.pull(net.a, number):
        pass
    while net.deliver(net.a, number):
        pass
    assert (bytes(net.b.apps[id].got), app.opens) == (b"hello", 0)
    net.settle()
    net.write(net.a, id, b" world", end=True)
    net.write(net.b, id, b"", end=True)
    net.settle()
    assert bytes(net.b.apps[id].got) == b"hello world"
    assert app.codes == net.b.apps[id].codes == [None]
    net.assert_nothing_is_held()


def test_first_bytes_wait_for_who_takes_the_stream_later() -> None:
    net = Net()
    net.up()
    net.b.accepting = False
    id, app = net.open(net.a)
    assert net.a.group.early(id, b"hello")
    net.settle()
    late = net.b.apps[id] = App()
    assert net.b.group.accept(id, late)
    net.settle()
    assert (bytes(late.got), app.opens) == (b"hello", 1)
    assert net.a.group.quiet


def test_who_takes_a_stream_and_is_gone_at_once_breaks_it_off() -> None:
    net = Net()
    net.up()
    net.b.accepting = False
    id, app = net.open(net.a)
    assert net.a.group.early(id, b"hello")
    net.settle()
    gone = App()
    gone.broken = True
    assert net.b.group.accept(id, gone)
    net.settle()
    assert (app.codes, gone.codes) == ([Code.GONE], [Code.GONE])
    net.assert_nothing_is_held()


def test_first_bytes_of_a_stream_that_is_refused_leave_nothing_behind() -> None:
    net = Net()
    net.up()
    net.b.accepting = False
    id, app = net.open(net.a)
    assert net.a.group.early(id, b"hello")
    net.settle()
    net.b.group.reset(id, Code.REFUSED)
    net.settle()
    assert app.codes == [Code.REFUSED]
    net.assert_nothing_is_held()


def test_first_bytes_are_sent_again_by_another_route() -> None:
    net = Net()
    first = net.up()
    net.settle()
    id, app = net.open(net.a)
    assert net.a.group.early(id, b"hello")
    while net.pull(net.a, first):
        pass
    net.kill(first)
    net.up()
    net.settle()
    assert (bytes(net.b.apps[id].got), app.opens) == (b"hello", 1)


def test_no_byte_goes_early_by_a_stream_that_is_open_or_unknown_or_without_memory() -> None:
    net = Net()
    net.up()
    id, _ = net.open(net.a)
    net.settle()
    assert not net.a.group.early(id, b"hello")
    assert not net.a.group.early(1000, b"hello")
    poor = Net(budget=1 << 20)
    taken = poor.a.memory.sending
    assert taken.take(taken.free, held=0)
    id, _ = poor.open(poor.a)
    assert not poor.a.group.early(id, b"hello")


def test_a_route_has_no_more_once_an_app_that_tells_has_nothing() -> None:
    net = Net()
    number = net.up()
    id, _ = net.open(net.a)
    net.settle()
    assert not net.a.group.more(number)
    net.write(net.a, id, b"x")
    assert net.a.group.more(number)
    assert net.pull(net.a, number)
    assert not net.a.group.more(number)
    assert not net.a.group.more(99)


def test_who_received_data_owes_an_acknowledgement_until_its_delay_is_over() -> None:
    net = Net()
    number = net.up()
    id, _ = net.open(net.a)
    net.settle()
    assert not net.b.group.owes
    net.write(net.a, id, b"x")
    assert net.pull(net.a, number)
    assert net.deliver(net.a, number)
    assert (net.a.group.owes, net.b.group.owes) == (False, True)
    net.pass_time(ACK_DELAY_S)
    assert not net.b.group.owes


def test_nothing_but_acknowledgements_is_due_before_it_is_looked_for() -> None:
    assert min(ASK_LEAST_S, STALL_LEAST_S, STALL_UNKNOWN_S, ANSWER_S, KEEP_ALIVE_S, HOLD_S) > LOOK_S
