import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.visor.plane.streams.api import Code
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.limits import EARLY_MAX, GOODBYES_MAX
from components.visor.plane.unit import HEADER, OF_A_STREAM, Kind, read_head, write_head
from tests.support.streams import Net


def joined() -> Net:
    net = Net()
    net.up()
    net.settle()
    return net


def with_stream() -> tuple[Net, int]:
    net = joined()
    id, _ = net.open(net.a)
    net.settle()
    return net, id


def unit_of(kind: int, stream: int, aux: int = 0, body: bytes = b"") -> memoryview:
    unit = memoryview(bytearray(HEADER + len(body)))
    write_head(unit, kind, stream, aux)
    unit[HEADER:] = body
    return unit


def give(net: Net, kind: int, stream: int = 0, aux: int = 0, body: bytes = b"") -> None:
    """As if the other side had sent this to `a`."""
    net.a.group.take_unit(1, unit_of(kind, stream, aux, body), net.now)


def said(net: Net) -> list[tuple[int, int, int]]:
    """What `a` says to it."""
    room = memoryview(bytearray(65_536))
    units = []
    while size := net.a.group.next_unit(1, room, net.now):
        units.append(read_head(room[:size]))
    return units


def u64(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in numbers)


def resume(*entries: tuple[int, int, int], flags: int = 2, move: int = 1) -> bytes:
    body = bytes([flags]) + move.to_bytes(4, "big")
    return body + b"".join(id.to_bytes(4, "big") + u64(upto, limit) for id, upto, limit in entries)


def test_a_route_begins_with_hello() -> None:
    net = Net()
    net.up()
    with pytest.raises(UnitError, match="begins by"):
        give(net, Kind.PING)


def test_a_unit_of_a_route_that_is_gone_is_dropped() -> None:
    net = joined()
    net.a.group.take_unit(99, memoryview(b"anything"), net.now)
    assert said(net) == []


@pytest.mark.parametrize("kind", [Kind.DATA, Kind.OPENED, Kind.ACK, Kind.CREDIT])
def test_a_unit_of_a_stream_that_never_was_is_answered_by_a_reset(kind: Kind) -> None:
    net = joined()
    give(net, kind, 5, 0, b"x" if kind is Kind.DATA else b"")
    assert said(net) == [(Kind.RESET, 5, Code.UNKNOWN)]


def test_an_end_or_an_entry_of_a_stream_that_never_was_is_answered_by_a_reset() -> None:
    net = joined()
    give(net, Kind.FIN, 5, 0, u64(0))
    give(net, Kind.RESUME, 0, 0, resume((8, 0, 0)))
    assert sorted(said(net)) == [(Kind.RESET, 5, Code.UNKNOWN), (Kind.RESET, 8, Code.UNKNOWN)]


def test_a_reset_of_a_stream_that_never_was_is_answered_by_gone_and_its_open_comes_too_late() -> None:
    net = joined()
    give(net, Kind.RESET, 5, 300)
    assert said(net) == [(Kind.GONE, 5, 0)]
    give(net, Kind.GONE, 7)
    give(net, Kind.OPEN, 5, 1000, bytes(4))
    assert said(net) == [(Kind.RESET, 5, Code.BUSY)]
    assert not net.a.offers


def test_late_units_of_a_finished_stream_are_dropped_and_its_end_answered_by_gone() -> None:
    net, id = with_stream()
    net.write(net.a, id, b"", end=True)
    net.write(net.b, id, b"", end=True)
    net.settle()
    assert net.a.group.idle
    for kind in (Kind.OPENED, Kind.ACK, Kind.CREDIT, Kind.GONE):
        give(net, kind, id)
    give(net, Kind.DATA, id, 0, b"late")
    assert said(net) == []
    give(net, Kind.FIN, id, 0, u64(0))
    give(net, Kind.RESET, id, 1)
    assert said(net) == [(Kind.GONE, id, 0)]


def test_gone_stands_for_the_acknowledgement_of_an_end() -> None:
    net, id = with_stream()
    net.write(net.b, id, b"", end=True)
    net.settle()
    net.write(net.a, id, b"", end=True)
    net.pull(net.a, 1)
    give(net, Kind.GONE, id)
    assert net.a.apps[id].codes == [None]


def test_a_peer_that_forgot_an_open_stream_is_wrong() -> None:
    net, id = with_stream()
    with pytest.raises(UnitError, match="did not end"):
        give(net, Kind.GONE, id)


def test_an_open_that_comes_twice_is_answered_twice() -> None:
    net = joined()
    for _ in range(2):
        give(net, Kind.OPEN, 5, 1000, bytes([0, 7, 0, 9]))
        assert [kind for kind, _, _ in said(net)] == [Kind.OPENED]
    assert net.a.offers == [(5, 7, 9)]


def test_an_open_that_waits_for_the_app_is_offered_once() -> None:
    net = joined()
    net.a.accepting = False
    for _ in range(2):
        give(net, Kind.OPEN, 5, 1000, bytes([0, 7, 0, 9]))
    assert net.a.offers == [(5, 7, 9)]
    assert said(net) == []


def test_an_open_beyond_the_limits_is_refused_as_busy() -> None:
    net = Net(streams_max=1)
    net.up()
    net.settle()
    for id in (1, 3):
        give(net, Kind.OPEN, id, 1000, bytes(4))
    assert (Kind.RESET, 3, Code.BUSY) in said(net)
    poor = Net(budget=20_000)
    poor.up()
    poor.settle()
    for id in (1, 3):
        give(poor, Kind.OPEN, id, 1000, bytes(4))
    assert (Kind.RESET, 3, Code.BUSY) in said(poor)


def test_busy_for_a_stream_that_is_open_is_a_late_answer() -> None:
    net, id = with_stream()
    give(net, Kind.RESET, id, Code.BUSY)
    assert net.a.apps[id].codes == []


def test_a_reset_without_a_code_gets_one() -> None:
    net, id = with_stream()
    give(net, Kind.RESET, id, 0)
    assert net.a.apps[id].codes == [Code.UNKNOWN]


def test_units_in_the_wrong_place_are_refused() -> None:
    net = joined()
    net.a.accepting = False
    give(net, Kind.OPEN, 1, 1000, bytes(4))
    opening, _ = net.open(net.a)
    wrong: list[tuple[int, int, bytes]] = [
        (Kind.OPEN, opening, bytes(4)),
        (Kind.OPENED, 1, b""),
        (Kind.DATA, 1, bytes(EARLY_MAX + 1)),
        (Kind.FIN, 1, u64(0)),
        (Kind.DATA, opening, b"x"),
        (Kind.FIN, opening, u64(0)),
        (Kind.RESUME, 0, resume((0, 0, 0))),
        (Kind.RESUME, 0, resume((1 << 24, 0, 0))),
    ]
    for kind, id, body in wrong:
        with pytest.raises(UnitError):
            give(net, kind, id, 0, body)


def test_what_is_reset_here_takes_nothing_more() -> None:
    net, id = with_stream()
    net.a.group.reset(id)
    for kind, body in (
        (Kind.DATA, b"x"),
        (Kind.FIN, u64(9)),
        (Kind.ACK, b""),
        (Kind.CREDIT, b""),
        (Kind.OPENED, b""),
    ):
        give(net, kind, id, 0, body)
    assert said(net) == [(Kind.RESET, id, Code.GONE)]
    give(net, Kind.GONE, id)
    assert net.a.group.idle


def test_an_entry_of_a_resume_opens_acknowledges_and_grants() -> None:
    net = joined()
    id, app = net.open(net.a)
    said(net)
    give(net, Kind.RESUME, 0, 0, resume((id, 0, 100)))
    assert app.opens == 1
    net.write(net.a, id, bytes(200))
    assert said(net) == [(Kind.DATA, id, 0)]
    give(net, Kind.RESUME, 0, 0, resume((id, 100, 150), move=2))
    assert said(net) == [(Kind.DATA, id, 100)]
    with pytest.raises(UnitError, match="only 150 was sent"):
        give(net, Kind.RESUME, 0, 0, resume((id, 151, 151), move=3))


def test_what_comes_twice_is_acknowledged_again() -> None:
    net, id = with_stream()
    give(net, Kind.DATA, id, 0, b"abc")
    assert said(net) == []
    give(net, Kind.DATA, id, 0, b"abc")
    assert said(net) == [(Kind.ACK, id, 3)]


def test_data_for_an_app_that_is_gone_resets_the_stream() -> None:
    net, id = with_stream()
    net.a.apps[id].broken = True
    give(net, Kind.DATA, id, 0, b"abc")
    assert said(net) == [(Kind.ACK, id, 3), (Kind.RESET, id, Code.GONE)]


def test_an_end_may_come_before_the_data_it_ends() -> None:
    net, id = with_stream()
    give(net, Kind.FIN, id, 0, u64(3))
    assert said(net) == [(Kind.ACK, id, 0)]
    give(net, Kind.DATA, id, 0, b"abc")
    assert said(net) == [(Kind.ACK, id, 4)]
    assert (bytes(net.a.apps[id].got), net.a.apps[id].ends) == (b"abc", 1)


def test_messages_reach_the_owner() -> None:
    net = joined()
    give(net, Kind.MESSAGE, 0, 7 << 16 | 9, b"hi")
    assert net.a.messages == [(7, 9, b"hi")]


def test_too_many_streams_that_are_not_there_close_the_route() -> None:
    net = joined()
    for id in range(1, GOODBYES_MAX + 1):
        give(net, Kind.RESET, id)
    with pytest.raises(UnitError, match="not there"):
        give(net, Kind.RESET, GOODBYES_MAX + 1)


UNITS = st.builds(
    unit_of,
    kind=st.sampled_from(Kind),
    stream=st.integers(0, 6),
    aux=st.one_of(st.integers(0, 10), st.integers(0, (1 << 32) - 1)),
    body=st.one_of(st.binary(max_size=40), st.just(bytes(4)), st.just(bytes(8)), st.just(resume((2, 0, 50)))),
)


@given(st.lists(st.one_of(UNITS, st.binary(max_size=40).map(lambda data: memoryview(data))), max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_is_taken_or_refused_and_all_memory_comes_back(units: list[memoryview]) -> None:
    net, id = with_stream()
    net.write(net.a, id, bytes(1000))
    for unit in units:
        try:
            net.a.group.take_unit(1, unit, net.now)
        except UnitError:
            continue
    said(net)
    net.a.group.close()
    assert net.a.memory.sending.used == net.a.memory.receiving.used == 0


def test_every_truncation_of_valid_units_is_taken_or_refused() -> None:
    net, id = with_stream()
    bodies = {
        Kind.OPEN: bytes(4),
        Kind.DATA: b"abc",
        Kind.FIN: u64(3),
        Kind.HELLO: u64(2, 1),
        Kind.RESUME: resume((id, 0, 0)),
    }
    for kind in Kind:
        whole = bytes(
            unit_of(kind, (id if kind != Kind.OPEN else 1) * (kind in OF_A_STREAM), 0, bodies.get(kind, b""))
        )
        for cut in range(len(whole)):
            try:
                net.a.group.take_unit(1, memoryview(whole[:cut]), net.now)
            except UnitError:
                continue


def test_random_bytes_leave_no_growth() -> None:
    net, _ = with_stream()
    source = random.Random(7)
    for _ in range(20_000):
        unit = bytearray(source.randbytes(source.choice([7, 8, 9, 12, 16, 33])))
        unit[0] = source.randrange(1, 14) if unit[0] & 1 else unit[0]
        try:
            net.a.group.take_unit(1, memoryview(unit), net.now)
        except UnitError:
            continue
        net.a.group.next_unit(1, memoryview(bytearray(100)), net.now)
    assert net.a.memory.receiving.free >= 0
    net.a.group.close()
    assert net.a.memory.sending.used == net.a.memory.receiving.used == 0
