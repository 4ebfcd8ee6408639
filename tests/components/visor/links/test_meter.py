import uuid

from components.visor.links.meter import OTHERS, Meter, Moved, day_of

ONE, TWO, THREE = (uuid.UUID(int=n) for n in (1, 2, 3))


def test_bytes_of_a_day_are_summed_until_they_are_taken() -> None:
    meter = Meter()
    meter.note("2030-01-01", ONE, 5, 0)
    meter.note("2030-01-01", ONE, 1, 2)
    meter.note("2030-01-02", ONE, 0, 7)
    assert meter.take() == [Moved("2030-01-01", ONE, 6, 2), Moved("2030-01-02", ONE, 0, 7)]
    assert meter.take() == []


def test_who_moved_nothing_has_no_row() -> None:
    meter = Meter()
    meter.note("2030-01-01", ONE, 0, 0)
    assert meter.take() == []


def test_what_could_not_be_written_is_kept() -> None:
    meter = Meter()
    meter.note("2030-01-01", ONE, 5, 1)
    rows = meter.take()
    meter.note("2030-01-01", ONE, 1, 1)
    meter.give_back(rows)
    assert meter.take() == [Moved("2030-01-01", ONE, 6, 2)]


def test_a_crowd_of_keys_shares_one_row() -> None:
    meter = Meter(named_a_day=1)
    for id in (ONE, TWO, THREE):
        meter.note("2030-01-01", id, 1, 0)
    assert meter.take() == [Moved("2030-01-01", ONE, 1, 0), Moved("2030-01-01", OTHERS, 2, 0)]
    meter.note("2030-01-02", TWO, 1, 0)
    assert meter.take() == [Moved("2030-01-02", TWO, 1, 0)]


def test_days_are_those_of_utc() -> None:
    assert day_of(0.0) == "1970-01-01"
    assert day_of(86_399.9) == "1970-01-01"
    assert day_of(86_400.0) == "1970-01-02"
