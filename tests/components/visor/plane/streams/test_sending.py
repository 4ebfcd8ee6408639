import pytest

from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Half
from components.visor.plane.streams.limits import HUGE_BUFFER, LARGE_BUFFER, SMALL_BUFFER
from components.visor.plane.streams.sending import Sender
from components.visor.plane.streams.store import Pool
from components.visor.plane.unit import DATA_BEST, DATA_LARGE
from tests.support.streams import App

ROOM = memoryview(bytearray(65_000))


def sender_of(budget: Budget | None = None, limit: int = 1 << 30) -> Sender:
    sender = Sender(Pool(), budget or Budget(1 << 26))
    sender.limit = limit
    sender.readable = True
    return sender


def app_with(data: bytes, *, end: bool = False) -> App:
    app = App()
    app.to_send += data
    app.wrote_end = end
    return app


def send(sender: Sender, app: App, count: int) -> None:
    while sender.sent < count:
        assert sender.fill(ROOM[: count - sender.sent], app)


def test_a_crumb_of_credit_waits_for_more_while_much_is_under_way() -> None:
    sender, app = sender_of(limit=100_000), app_with(bytes(200_000))
    send(sender, app, 99_000)
    assert sender.fill(ROOM, app) == 0
    assert sender.credit(150_000)
    send(sender, app, 150_000)
    assert sender.in_flight == 150_000


def test_a_crumb_goes_out_when_little_is_under_way_for_no_more_may_come() -> None:
    sender, app = sender_of(limit=100_000), app_with(bytes(200_000))
    send(sender, app, 99_000)
    sender.acknowledge(99_000)
    assert sender.fill(ROOM, app) == 1000


def test_bytes_are_read_only_when_they_can_go() -> None:
    sender, app = sender_of(limit=3), app_with(b"abcdef")
    assert sender.fill(ROOM, app) == 3
    assert bytes(ROOM[:3]) == b"abc"
    assert sender.fill(ROOM, app) == 0
    assert (bytes(app.to_send), sender.in_flight) == (b"def", 3)
    assert sender.credit(6)
    assert not sender.credit(5)
    assert sender.fill(ROOM, app) == 3


def test_nothing_is_read_before_the_app_is_said_to_have_something() -> None:
    sender = sender_of()
    sender.readable = False
    assert sender.fill(ROOM, app_with(b"abc")) == 0


def test_a_blocked_app_costs_no_memory() -> None:
    budget = Budget(1 << 20)
    sender = sender_of(budget)
    assert sender.fill(ROOM, App()) == 0
    assert (sender.readable, budget.used) == (False, 0)


def test_an_acknowledgement_frees_what_it_covers() -> None:
    budget = Budget(1 << 26)
    sender, app = sender_of(budget), app_with(bytes(200_000))
    while sender.fill(ROOM, app):
        pass
    assert budget.used >= 200_000
    assert sender.acknowledge(100_000) == 100_000
    assert sender.acknowledge(50_000) == 0
    assert sender.acknowledge(200_000) == 100_000
    assert (budget.used, sender.in_flight) == (0, 0)


def test_after_a_rewind_the_same_bytes_go_out_again() -> None:
    sender, app = sender_of(), app_with(b"abcdef")
    sender.fill(ROOM[:4], app)
    sender.fill(ROOM[:4], app)
    sender.acknowledge(2)
    sender.rewind()
    assert sender.in_flight == 0
    assert sender.fill(ROOM, app) == 4
    assert bytes(ROOM[:4]) == b"cdef"


def test_an_acknowledgement_after_a_rewind_saves_the_repetition() -> None:
    sender, app = sender_of(), app_with(b"abcdef")
    sender.fill(ROOM, app)
    sender.rewind()
    assert sender.acknowledge(4) == 0
    assert sender.fill(ROOM, app) == 2
    assert bytes(ROOM[:2]) == b"ef"


def test_the_end_goes_out_behind_all_data_and_is_acknowledged_as_one_byte() -> None:
    sender, app = sender_of(), app_with(b"abc", end=True)
    sender.fill(ROOM, app)
    due = [sender.fin_due]
    assert sender.fill(ROOM, app) == 0
    due.append(sender.fin_due)
    assert due == [False, True]
    assert sender.say_fin() == 3
    assert sender.in_flight == 4
    assert sender.acknowledge(4) == 4
    assert (sender.half, sender.in_flight) == (Half.ENDED, 0)
    assert sender.acknowledge(4) == 0


def test_more_than_was_sent_cannot_be_acknowledged() -> None:
    sender, app = sender_of(), app_with(b"abc")
    sender.fill(ROOM, app)
    with pytest.raises(UnitError, match="only 3 was sent"):
        sender.acknowledge(4)


def test_small_writes_hold_a_small_buffer_and_bulk_large_ones() -> None:
    sender = sender_of()
    for _ in range(5):
        sender.readable = True
        sender.fill(ROOM, app_with(b"x" * 64))
    assert sender.store.capacity == SMALL_BUFFER
    app = app_with(bytes(100_000))
    sender.fill(ROOM, app)
    sender.fill(ROOM, app)
    assert sender.store.capacity == SMALL_BUFFER + LARGE_BUFFER


def test_much_credit_brings_buffers_for_whole_records() -> None:
    sender, room = sender_of(), memoryview(bytearray(140_000))
    app = app_with(bytes(700_000))
    assert sender.fill(room, app) == SMALL_BUFFER
    sizes = [sender.fill(room, app) for _ in range(2)]
    assert sizes == [DATA_LARGE, DATA_LARGE]
    assert sender.store.capacity == SMALL_BUFFER + 2 * HUGE_BUFFER
    sender.limit = sender.sent + 4 * DATA_LARGE - 1
    assert sender.fill(room, app) == DATA_BEST
    assert sender.store.capacity == SMALL_BUFFER + 2 * HUGE_BUFFER + LARGE_BUFFER
    assert sender.fill(room, app, crowded=True) == DATA_LARGE
    sender.limit = sender.sent + 100_000
    assert sender.fill(room, app, crowded=True) == 100_000  # as far as its credit goes


def test_without_memory_it_starves_and_says_so() -> None:
    budget = Budget(SMALL_BUFFER - 1)
    sender = sender_of(budget)
    assert sender.fill(ROOM, app_with(b"abc")) == 0
    assert (sender.starved, sender.readable) == (True, True)


def test_an_app_that_is_gone_is_noticed() -> None:
    app = App()
    app.broken = True
    sender = sender_of()
    assert sender.fill(ROOM, app) == 0
    assert sender.broken


def test_a_release_gives_all_back() -> None:
    budget = Budget(1 << 26)
    sender = sender_of(budget)
    sender.fill(ROOM, app_with(b"abc"))
    sender.release()
    assert (budget.used, sender.in_flight) == (0, 0)


def test_a_last_word_of_the_peer_counts_unless_it_cannot_be() -> None:
    sender, app = sender_of(), app_with(b"abcdef")
    sender.fill(ROOM, app)
    sender.acknowledge(2)
    sender.release()
    for wrong in (1, 7):
        sender.confirmed(wrong)
        assert (sender.acknowledged, sender.told) == (2, False)
    sender.confirmed(5)
    assert (sender.acknowledged, sender.told) == (5, True)


def test_first_bytes_go_out_before_the_peer_has_accepted_and_no_more_than_those() -> None:
    budget = Budget(1 << 20)
    sender, app = sender_of(budget), app_with(b"more")
    assert sender.early(b"first")
    assert sender.fill(ROOM, app) == 5
    assert bytes(ROOM[:5]) == b"first"
    assert sender.fill(ROOM, app) == 0
    assert sender.credit(1000)
    assert sender.fill(ROOM, app) == 4
    assert sender.acknowledge(9) == 9
    assert budget.used == 0


def test_without_memory_no_byte_goes_early() -> None:
    sender = sender_of(Budget(SMALL_BUFFER - 1))
    assert not sender.early(b"first")
    assert (sender.store.capacity, sender.store.end) == (0, 0)


def test_an_app_that_will_tell_is_not_asked_whether_there_is_more() -> None:
    sender, app = sender_of(), App(tells=True)
    app.to_send += b"abc"
    assert sender.fill(ROOM, app) == 3
    assert (sender.readable, sender.dry) == (False, True)
    app.to_send += b"def"
    assert sender.fill(ROOM, app) == 0
    sender.readable = True
    assert not sender.dry
    assert sender.fill(ROOM, app) == 3
