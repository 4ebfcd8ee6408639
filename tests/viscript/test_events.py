"""The event log: cursors, gaps, listeners."""

import pytest

from viscript.events import EventLog, Gap


def log_of(count: int, kept: int = 10) -> EventLog:
    events = EventLog("h", kept=kept)
    for number in range(count):
        events.tell("app.running", f"app/{number}", now=float(number))
    return events


def test_events_are_numbered_in_order() -> None:
    assert [event.cursor for event in log_of(3).since(1)] == [1, 2, 3]


def test_reading_resumes_at_a_cursor() -> None:
    assert [event.cursor for event in log_of(5).since(4)] == [4, 5]


def test_a_reader_is_told_of_what_it_missed() -> None:
    with pytest.raises(Gap) as caught:
        log_of(20, kept=5).since(3)
    assert caught.value.oldest == 16


def test_a_cursor_of_the_future_is_empty() -> None:
    assert log_of(2).since(3) == []


def test_a_listener_hears_until_it_stops() -> None:
    events, heard = EventLog("h"), list[int]()
    stop = events.listen(lambda event: heard.append(event.cursor))
    events.tell("daemon.started", "daemon", now=0.0)
    stop()
    stop()
    events.tell("daemon.started", "daemon", now=0.0)
    assert heard == [1]


def test_a_restored_log_goes_on_behind_its_events() -> None:
    events = EventLog("h")
    events.restore(iter(log_of(4).since(1)))
    assert events.next_cursor == 5


def test_the_last_ones_come_oldest_first() -> None:
    assert [event.cursor for event in log_of(5).last(2)] == [4, 5]
    assert log_of(5).last(0) == []
