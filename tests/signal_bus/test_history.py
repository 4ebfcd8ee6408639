from signal_bus.history import History
from signal_bus.messages import EventNote


def filled(count: int, *, kept: int = 100, size: int = 10) -> History:
    history = History(kept, kept_bytes=1 << 30)
    for cursor in range(1, count + 1):
        history.add(EventNote(topic="x", cursor=cursor), size)
    return history


def test_events_are_given_from_the_cursor_on() -> None:
    events = filled(5).since(3)
    assert [event.cursor for event in events.events] == [3, 4, 5]
    assert (events.oldest, events.next, events.gap) == (1, 6, False)


def test_a_cursor_that_is_gone_is_told() -> None:
    events = filled(10, kept=4).since(2)
    assert [event.cursor for event in events.events] == [7, 8, 9, 10]
    assert events.gap
    assert events.oldest == 7


def test_an_event_comes_back_as_it_was() -> None:
    note = EventNote(
        topic="app.exited", cursor=7, data={"exit": {"code": None}, "names": ["é", 1.5], "big": 2**60}
    )
    history = History()
    history.add(note, 100)
    assert history.since(1).events == (note,)


def test_nothing_new_is_no_gap() -> None:
    assert filled(5).since(6).events == ()
    assert not filled(5).since(6).gap
    assert not History().since(1).gap


def test_a_long_log_is_read_in_pieces_without_loss() -> None:
    for size in (10, 60_000):
        history, cursor, seen = filled(600, kept=1000, size=size), 1, list[int]()
        while len(seen) < 600:
            events = history.since(cursor)
            seen += [event.cursor for event in events.events]
            cursor = events.next
        assert seen == list(range(1, 601))


def test_a_cursor_given_from_outside_raises_the_next() -> None:
    history = History()
    history.add(EventNote(topic="x", cursor=500), 10)
    assert history.next_cursor == 501


def test_large_events_are_kept_up_to_so_many_bytes() -> None:
    history = History(100, kept_bytes=1000)
    for cursor in range(1, 51):
        history.add(EventNote(topic="x", cursor=cursor), 300)
    assert [event.cursor for event in history.since(1).events] == [48, 49, 50]
