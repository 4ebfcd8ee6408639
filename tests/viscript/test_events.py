"""The event log: cursors, gaps, listeners."""

import pytest

from viscript.events import Event, EventLog, Gap


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


def test_what_apps_say_pushes_out_nothing_that_happened() -> None:
    events = EventLog("h", kept=10, said_kept=5)
    events.tell("app.exited", "app/1", now=0.0)
    for number in range(100):
        events.tell("app.event", "app/2", now=float(number))
    events.tell("app.running", "app/1", now=0.0)
    kept = events.last(100)
    assert [event.cursor for event in kept] == [1, 97, 98, 99, 100, 101, 102]
    with pytest.raises(Gap) as caught:
        events.since(1)
    assert caught.value.oldest == 97
    assert [event.cursor for event in events.since(97)] == [97, 98, 99, 100, 101, 102]


def test_a_restored_log_knows_what_it_lacks() -> None:
    first = EventLog("h", said_kept=5)
    for _ in range(20):
        first.tell("app.event", "app/2", now=0.0)
    second = EventLog("h", first_cursor=21)
    second.restore(iter(first.since(16)))
    with pytest.raises(Gap) as caught:
        second.since(3)
    assert caught.value.oldest == 16
    assert [event.cursor for event in second.since(18)] == [18, 19, 20]


def test_an_event_comes_back_from_memory_as_it_was_told() -> None:
    log = EventLog("box")
    told = log.tell(
        "app.exited", "app/7", now=1.5, reason="exit 1", exit={"code": 1, "signal": None}, name="é"
    )
    assert log.last(1) == [told]
    assert log.since(1) == [told]


def test_what_is_no_text_is_spelled_out_and_told_all_the_same() -> None:
    heard: list[Event] = []
    log = EventLog("box")
    log.listen(heard.append)
    log.tell("app.changed", "app/7", now=1.5, reason="a\udcff changed", path="a\udcff", more=["\ud800", 1])
    (told,) = log.last(1)
    assert heard == [told]
    assert (told.reason, told.data["path"], told.data["more"]) == (
        "a\\udcff changed",
        "a\\udcff",
        ["\\ud800", 1],
    )
