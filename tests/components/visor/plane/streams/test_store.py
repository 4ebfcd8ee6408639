from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.streams.limits import HUGE_BUFFER, LARGE_BUFFER, SMALL_BUFFER
from components.visor.plane.streams.store import _SPARE, Pool, Store


def test_a_buffer_is_used_again() -> None:
    pool = Pool()
    for size in (SMALL_BUFFER, LARGE_BUFFER, HUGE_BUFFER):
        first = pool.take(size)
        pool.give(first)
        assert pool.take(size) is first


def test_spare_buffers_have_a_bound() -> None:
    pool = Pool()
    for size, most in _SPARE.items():
        buffer = memoryview(bytearray(size))
        for _ in range(most + 5):
            pool.give(buffer)
        taken = [pool.take(size) for _ in range(most + 1)]
        assert sum(one is buffer for one in taken) == most


def test_what_is_copied_out_is_what_was_put_in_over_many_buffers() -> None:
    store = Store(Pool())
    data = bytes(range(256)) * 1000
    store.append(memoryview(data[:100]))
    store.append(memoryview(data[100:]))
    into = memoryview(bytearray(300_000))
    assert store.copy(50, into) == len(data) - 50
    assert bytes(into[: len(data) - 50]) == data[50:]


def test_a_copy_stops_where_there_is_no_room() -> None:
    store = Store(Pool())
    store.append(memoryview(bytes(5000)))
    assert store.copy(4000, memoryview(bytearray(10))) == 10


def test_dropping_gives_buffers_back_as_soon_as_they_are_done() -> None:
    store = Store(Pool())
    store.append(memoryview(bytes(LARGE_BUFFER)))
    store.append(memoryview(bytes(SMALL_BUFFER)))
    assert store.capacity == LARGE_BUFFER + SMALL_BUFFER
    assert store.drop_to(LARGE_BUFFER - 1) == 0
    assert store.drop_to(LARGE_BUFFER) == LARGE_BUFFER
    assert store.clear() == SMALL_BUFFER
    assert (len(store), store.capacity) == (0, 0)


def test_a_buffer_that_was_taken_for_nothing_goes_back() -> None:
    store = Store(Pool())
    assert store.trim() == 0
    store.grow(SMALL_BUFFER)
    assert store.trim() == SMALL_BUFFER
    store.append(memoryview(b"x"))
    assert store.trim() == 0


def test_an_empty_store_begins_where_it_is_told() -> None:
    store = Store(Pool())
    store.skip_to(1000)
    store.append(memoryview(b"abc"))
    assert (store.start, store.end, bytes(store.front())) == (1000, 1003, b"abc")


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 150_000)), max_size=20))
def test_a_store_is_a_queue_of_bytes(steps: list[tuple[bool, int]]) -> None:
    store = Store(Pool())
    expected = bytearray()
    source = bytes(range(251)) * 600
    for put, amount in steps:
        if put:
            store.append(memoryview(source[:amount]))
            expected += source[:amount]
        else:
            amount = min(amount, len(store))
            store.drop_to(store.start + amount)
            del expected[:amount]
        assert len(store) == len(expected)
        assert store.capacity <= len(store) + 2 * LARGE_BUFFER
        if expected:
            front = store.front()
            assert bytes(front) == expected[: len(front)]
    store.clear()
    assert store.capacity == 0
