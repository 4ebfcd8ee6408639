from hypothesis import given
from hypothesis import strategies as st

from viscript.usage.history import History, Point


def test_points_come_oldest_first() -> None:
    history = History(3)
    for at in range(5):
        history.add(float(at), at * 10.0, at << 20)
    assert history.points() == [Point(float(at), at * 10.0, at << 20) for at in (2, 3, 4)]


def test_points_since_a_moment() -> None:
    history = History(10)
    for at in range(5):
        history.add(float(at), 0.0, 0)
    assert [point.at for point in history.points(since=3.0)] == [3.0, 4.0]


@given(st.integers(1, 20), st.integers(0, 100))
def test_it_never_outgrows_its_bound(bound: int, count: int) -> None:
    history = History(bound)
    for at in range(count):
        history.add(float(at), 0.0, 0)
    assert len(history) == min(bound, count)
    assert [point.at for point in history.points()] == [
        float(at) for at in range(max(0, count - bound), count)
    ]


def test_more_memory_than_a_point_can_hold_is_shown_as_the_most() -> None:
    history = History()
    history.add(1.0, 0.0, 1 << 50)
    assert history.points()[0].rss_bytes == (1 << 42) - 1024
