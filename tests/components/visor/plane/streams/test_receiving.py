import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Half
from components.visor.plane.streams.receiving import Receiver
from components.visor.plane.streams.store import Pool
from components.visor.plane.streams.window import Window
from tests.support.streams import App


def receiver_of() -> Receiver:
    return Receiver(Pool(), Window(Budget(1 << 26), 0.0))


def test_the_next_bytes_go_to_the_app() -> None:
    receiver, app = receiver_of(), App()
    assert receiver.data(0, memoryview(b"abc"), app)
    assert receiver.data(3, memoryview(b"de"), app)
    assert (bytes(app.got), receiver.expected, receiver.acknowledgement) == (b"abcde", 5, 5)


def test_what_came_before_is_dropped_and_the_rest_of_its_unit_taken() -> None:
    receiver, app = receiver_of(), App()
    receiver.data(0, memoryview(b"abc"), app)
    assert not receiver.data(1, memoryview(b"bc"), app)
    assert receiver.data(1, memoryview(b"bcd"), app)
    assert app.got == b"abcd"


def test_a_gap_is_refused() -> None:
    with pytest.raises(UnitError, match="ahead"):
        receiver_of().data(1, memoryview(b"b"), App())


def test_bytes_past_the_limit_are_refused() -> None:
    receiver = receiver_of()
    app = App(room=0)
    full = receiver.window.limit
    sent = 0
    while sent < full:
        piece = bytes(min(60_000, full - sent))
        receiver.data(sent, memoryview(piece), app)
        sent += len(piece)
    with pytest.raises(UnitError, match="past the limit"):
        receiver.data(sent, memoryview(b"x"), app)


def test_what_the_app_does_not_take_waits_in_order() -> None:
    receiver, app = receiver_of(), App(room=2)
    receiver.data(0, memoryview(b"abc"), app)
    receiver.data(3, memoryview(b"def"), app)
    assert (bytes(app.got), receiver.store.start, receiver.expected) == (b"ab", 2, 6)
    app.room = 2
    receiver.drain(app)
    assert app.got == b"abcd"
    app.room = 10
    receiver.drain(app)
    assert (bytes(app.got), receiver.store.capacity) == (b"abcdef", 0)


def test_an_app_that_is_gone_is_noticed_at_once_and_later() -> None:
    gone = App()
    gone.broken = True
    receiver = receiver_of()
    receiver.data(0, memoryview(b"abc"), gone)
    assert receiver.broken
    later, slow = receiver_of(), App(room=0)
    later.data(0, memoryview(b"abc"), slow)
    slow.broken = True
    later.drain(slow)
    assert later.broken


def test_the_end_counts_as_one_byte_and_completes_when_the_app_has_all() -> None:
    receiver, app = receiver_of(), App(room=1)
    receiver.finish(3)
    assert (receiver.half, receiver.acknowledgement) == (Half.ENDING, 0)
    receiver.data(0, memoryview(b"abc"), app)
    assert receiver.acknowledgement == 4
    assert not receiver.complete()
    app.room = 9
    receiver.drain(app)
    assert receiver.complete()
    assert not receiver.complete()
    receiver.finish(3)
    assert receiver.half is Half.ENDED


def test_an_end_that_cannot_be_is_refused() -> None:
    receiver = receiver_of()
    receiver.data(0, memoryview(b"abc"), App())
    for final in (2, receiver.window.limit + 1):
        with pytest.raises(UnitError, match="cannot be"):
            receiver.finish(final)
    receiver.finish(4)
    with pytest.raises(UnitError, match="two ends"):
        receiver.finish(5)
    with pytest.raises(UnitError, match="behind the end"):
        receiver.data(3, memoryview(b"de"), App())


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=60), st.integers(0, 1 << 34))
def test_any_repetition_gives_each_byte_once(units: list[tuple[int, int]], base: int) -> None:
    receiver, app = receiver_of(), App()
    receiver.expected = base
    receiver.store.skip_to(base)
    receiver.window.limit = base + 1000
    source = bytes(range(100))
    for start, size in units:
        start = min(start, receiver.expected - base)
        receiver.data((base + start) & 0xFFFFFFFF, memoryview(source[start : start + size]), app)
    assert app.got == source[: receiver.expected - base]


def test_what_comes_before_the_app_is_kept_for_it() -> None:
    receiver, app = receiver_of(), App()
    assert receiver.data(0, memoryview(b"early"), None)
    assert (receiver.expected, bytes(receiver.store.front())) == (5, b"early")
    assert not receiver.data(0, memoryview(b"early"), None)
    receiver.drain(app)
    assert bytes(app.got) == b"early"
