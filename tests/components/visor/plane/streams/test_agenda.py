from components.visor.plane.streams.agenda import Agenda
from components.visor.plane.streams.life import State
from components.visor.plane.streams.limits import CROWD, QUANTUM
from components.visor.plane.streams.stream import ACK, CREDIT, Stream
from tests.support.streams import stream_of


def streams_of(count: int) -> list[Stream]:
    return [stream_of(State.OPEN, id) for id in range(1, count + 1)]


def serve(agenda: Agenda, size: int) -> Stream:
    stream = agenda.head()
    assert stream is not None
    stream.deficit -= size
    return stream


def test_units_of_a_stream_wait_together() -> None:
    agenda, (one,) = Agenda(), streams_of(1)
    agenda.flag(one, ACK)
    agenda.flag(one, CREDIT)
    assert list(agenda.urgent) == [one]
    assert one.pending == ACK | CREDIT
    agenda.settled()
    assert not agenda.urgent
    assert not one.flagged


def test_a_new_route_hears_of_streams_in_the_order_of_their_ids() -> None:
    agenda, streams = Agenda(), streams_of(3)
    for stream in reversed(streams):
        agenda.flag(stream, ACK)
    agenda.sort()
    assert list(agenda.urgent) == streams


def test_bulk_streams_take_turns() -> None:
    agenda, streams = Agenda(), streams_of(3)
    for stream in streams:
        agenda.activate(stream)
    assert [serve(agenda, QUANTUM).id for _ in range(9)] == [1, 2, 3] * 3


def test_many_in_turn_are_a_crowd() -> None:
    agenda, streams = Agenda(), streams_of(CROWD + 1)
    for stream in streams:
        agenda.activate(stream)
    seen = []
    for _ in streams:
        seen.append(agenda.crowded)
        serve(agenda, QUANTUM)
    assert seen == [False] * (CROWD + 1)  # newcomers may have little
    assert agenda.head() is streams[0]
    assert agenda.crowded


def test_turns_are_fair_by_bytes() -> None:
    agenda, (small, large) = Agenda(), streams_of(2)
    agenda.activate(small)
    agenda.activate(large)
    sent = {1: 0, 2: 0}
    for _ in range(1000):
        head = agenda.head()
        assert head is not None
        size = 1000 if head is small else QUANTUM
        head.deficit -= size
        sent[head.id] += size
    assert abs(sent[1] - sent[2]) <= 2 * QUANTUM


def test_a_stream_with_little_goes_before_those_with_much() -> None:
    agenda, (bulk, other, little) = Agenda(), streams_of(3)
    agenda.activate(bulk)
    agenda.activate(other)
    serve(agenda, QUANTUM)
    serve(agenda, QUANTUM)
    serve(agenda, 1)
    agenda.activate(little)
    assert agenda.head() is little


def test_nobody_stays_ahead_by_stopping_for_a_moment() -> None:
    agenda, (bulk, pulsing) = Agenda(), streams_of(2)
    agenda.activate(bulk)
    serve(agenda, QUANTUM)
    serve(agenda, 0)
    agenda.activate(pulsing)
    serve(agenda, 100)
    agenda.emptied(pulsing)
    agenda.activate(pulsing)
    assert agenda.head() is bulk


def test_an_empty_stream_leaves_after_one_more_round() -> None:
    agenda, (one,) = Agenda(), streams_of(1)
    agenda.activate(one)
    agenda.emptied(one)
    assert agenda.head() is one
    agenda.emptied(one)
    assert agenda.head() is None


def test_who_starves_waits_until_it_is_fed() -> None:
    agenda, (one, two) = Agenda(), streams_of(2)
    agenda.activate(one)
    agenda.activate(two)
    serve(agenda, QUANTUM)
    head = agenda.head()
    assert head is two
    agenda.starve(two)
    assert agenda.head() is one
    agenda.starve(one)
    agenda.activate(one)
    assert agenda.head() is None
    agenda.feed()
    assert agenda.head() is two


def test_a_stream_that_will_tell_leaves_at_once() -> None:
    agenda, (one,) = Agenda(), streams_of(1)
    agenda.activate(one)
    assert serve(agenda, 100) is one
    agenda.dried(one)
    assert not agenda.busy
    agenda.activate(one)
    assert agenda.head() is one


def test_nobody_stays_ahead_by_drying_up_for_a_moment() -> None:
    agenda, (bulk, pulsing) = Agenda(), streams_of(2)
    agenda.activate(bulk)
    serve(agenda, QUANTUM)
    serve(agenda, 0)
    agenda.activate(pulsing)
    serve(agenda, 100)
    agenda.dried(pulsing)
    agenda.activate(pulsing)
    assert agenda.head() is bulk
    serve(agenda, QUANTUM)
    assert agenda.head() is pulsing
    agenda.dried(pulsing)
    assert agenda.head() is bulk
