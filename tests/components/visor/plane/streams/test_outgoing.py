from components.mesh.frame import HEADER_BYTES as FRAME_HEADER
from components.mesh.record import MAX_PLAIN
from components.visor.plane.streams.api import Want
from components.visor.plane.streams.limits import CROWD, WINDOW_START
from components.visor.plane.unit import DATA_BEST, DATA_LARGE, HEADER, ROOM_LEAST, TAG, Kind, read_head
from tests.support.streams import Net

ROOM = memoryview(bytearray(1 << 17))


def with_streams(count: int) -> tuple[Net, list[int]]:
    net = Net()
    net.up()
    net.settle()
    ids = [net.open(net.a)[0] for _ in range(count)]
    net.settle()
    return net, ids


def next_of(net: Net, room: int = len(ROOM)) -> tuple[Kind, int, int]:
    size = net.a.group.next_unit(1, ROOM[:room], net.now)
    assert size
    kind, stream, _ = read_head(ROOM[:size])
    return Kind(kind), stream, size


def test_wants_follows_what_waits() -> None:
    net, (id,) = with_streams(1)
    group = net.a.group
    assert group.wants(1) is Want.NOTHING
    assert group.wants(99) is Want.NOTHING
    net.write(net.a, id, b"x")
    assert group.wants(1) is Want.BULK
    net.open(net.a)
    assert group.wants(1) is Want.URGENT
    net.settle()
    assert group.wants(1) is Want.NOTHING


def test_a_standby_route_carries_its_own_units_only() -> None:
    net, (id,) = with_streams(1)
    net.up()
    net.settle()
    net.write(net.a, id, b"x")
    assert net.a.group.wants(2) is Want.NOTHING
    assert net.a.group.next_unit(2, ROOM, net.now) == 0
    net.pass_time(10)
    assert net.a.group.wants(2) is Want.URGENT


def test_a_route_that_is_not_there_gets_nothing() -> None:
    net, _ = with_streams(0)
    assert net.a.group.next_unit(99, ROOM, net.now) == 0


def test_too_little_room_gets_nothing_and_the_wish_stays() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, b"x")
    assert net.a.group.next_unit(1, ROOM[: ROOM_LEAST - 1], net.now) == 0
    assert net.a.group.wants(1) is Want.BULK


def test_two_full_units_and_some_small_ones_fit_a_record() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, bytes(100_000))
    sizes = [next_of(net)[2] for _ in range(3)]
    assert max(sizes) == HEADER + DATA_BEST
    frames = 2 * (FRAME_HEADER + max(sizes) + TAG)
    assert MAX_PLAIN - 256 <= frames <= MAX_PLAIN - 128


def test_with_much_credit_one_unit_fills_a_record() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, bytes(1_000_000))
    stream = net.a.group._core.streams.get(id)
    assert stream is not None
    limit = stream.sender.limit
    assert limit < 4 * DATA_LARGE  # a window begins with less
    stream.sender.credit(5 * DATA_LARGE)
    _, size, after = (next_of(net)[2] for _ in range(3))  # the first one is small: nobody knows yet
    assert (size, after) == (HEADER + DATA_LARGE, HEADER + DATA_BEST)
    assert MAX_PLAIN - 256 <= FRAME_HEADER + size + TAG <= MAX_PLAIN - 64


def test_many_streams_with_payload_send_large_units_on_little_credit() -> None:
    net, ids = with_streams(CROWD + 2)
    for id in ids:
        net.write(net.a, id, bytes(300_000))
    sizes = [next_of(net)[2] for _ in range(3 * len(ids))]
    assert HEADER + DATA_LARGE in sizes


def test_units_without_payload_go_before_payload() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, b"x")
    other, _ = net.open(net.a)
    assert next_of(net)[:2] == (Kind.OPEN, other)
    assert next_of(net)[:2] == (Kind.DATA, id)


def test_payload_and_messages_take_turns() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, bytes(100_000))
    for _ in range(2):
        net.a.group.send(7, b"m", source=9)
    kinds = [next_of(net)[0] for _ in range(4)]
    assert kinds.count(Kind.MESSAGE) == kinds.count(Kind.DATA) == 2
    assert kinds[0] is not kinds[1]


def test_many_acknowledgements_of_a_stream_are_one_unit() -> None:
    net, (id,) = with_streams(1)
    for _ in range(20):
        net.write(net.a, id, b"x" * 100)
        net.pull(net.a, 1)
        net.deliver(net.a, 1)
    net.pass_time(0.01)
    assert net.pull(net.b, 1)
    assert not net.pull(net.b, 1)


def test_an_acknowledgement_that_went_out_begins_a_new_quarter_of_the_window() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, bytes(WINDOW_START // 3))
    while net.pull(net.a, 1):
        net.deliver(net.a, 1)
    assert net.pull(net.b, 1)
    net.write(net.a, id, b"x")
    net.pull(net.a, 1)
    net.deliver(net.a, 1)
    assert not net.pull(net.b, 1)


def test_an_end_goes_out_in_the_pull_that_finds_it() -> None:
    net, (id,) = with_streams(1)
    net.write(net.a, id, b"x", end=True)
    assert next_of(net)[0] is Kind.DATA
    assert next_of(net)[0] is Kind.FIN


def test_a_broken_app_is_reset_in_the_pull_that_finds_it() -> None:
    net, (id,) = with_streams(1)
    net.a.apps[id].broken = True
    net.a.group.readable(id)
    assert next_of(net)[0] is Kind.RESET


def test_streams_that_starve_go_on_when_another_one_lets_go() -> None:
    net, ids = with_streams(3)
    net.a.memory.sending.free = 0
    for id in ids:
        net.write(net.a, id, b"x")
    net.a.woken.clear()
    assert net.a.group.next_unit(1, ROOM, net.now) == 0
    assert net.a.group.wants(1) is Want.NOTHING
    net.a.memory.sending.give(net.a.memory.sending.total)
    assert net.a.woken == {1: Want.BULK}
    net.settle()
    assert all(net.b.apps[id].got == b"x" for id in ids)


def test_a_stream_that_ended_meanwhile_is_passed_over() -> None:
    net, (first, second) = with_streams(2)
    net.write(net.a, first, b"x")
    net.write(net.a, second, b"y")
    net.a.group.reset(first)
    assert next_of(net)[:2] == (Kind.RESET, first)
    assert next_of(net)[:2] == (Kind.DATA, second)
    assert net.a.group.next_unit(1, ROOM, net.now) == 0


def test_a_resume_of_many_streams_goes_out_in_parts() -> None:
    net, ids = with_streams(20)
    net.kill(1)
    net.up()
    parts = 0
    while size := net.a.group.next_unit(2, ROOM[:ROOM_LEAST], net.now):
        parts += read_head(ROOM[:size])[0] == Kind.RESUME
    assert parts == len(ids) // 2
