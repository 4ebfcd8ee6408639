import pytest

from components.visor.plane.streams.limits import (
    STALL_LEAST_S,
    STALL_MOST_S,
    STALL_RTTS,
    STALL_UNKNOWN_S,
)
from components.visor.plane.streams.progress import Progress, RoundTrip


def test_a_round_trip_is_unknown_before_the_first_sample() -> None:
    assert (RoundTrip().smoothed, RoundTrip().least) == (0.0, 0.0)


def test_queues_raise_the_smoothed_time_and_not_the_least() -> None:
    trip = RoundTrip()
    trip.idle(0.1)
    trip.loaded(0.5)
    assert trip.smoothed == pytest.approx(0.2)
    assert trip.least == 0.1


def test_the_least_forgets_what_is_long_ago() -> None:
    trip = RoundTrip()
    trip.idle(0.1)
    for _ in range(8):
        trip.idle(0.3)
    assert trip.least == 0.3


def test_a_round_trip_is_known_after_some_samples_for_the_first_is_cold() -> None:
    trip, known = RoundTrip(), []
    for sample in (0.05, 0.001, 0.002, 0.001):
        known.append(trip.known)
        trip.idle(sample)
    assert known == [False] * 4
    assert trip.known
    assert trip.least == 0.001


def test_nothing_stalls_while_nothing_is_out() -> None:
    progress = Progress()
    assert progress.stalled_at() is None
    progress.sent(2, 10, 10, 1.0)
    progress.acknowledged(2, 10, 10, 2.0)
    assert progress.stalled_at() is None


def test_a_stall_is_four_round_trips_or_the_least_time() -> None:
    progress = Progress()
    progress.sent(2, 10, 10, 1.0)
    assert progress.stalled_at() == 1.0 + STALL_UNKNOWN_S
    progress.round_trip.idle(0.001)
    assert progress.stalled_at() == 1.0 + STALL_LEAST_S
    progress.round_trip.smoothed = 0.5
    assert progress.stalled_at() == 1.0 + STALL_RTTS * 0.5


def test_every_acknowledgement_starts_the_wait_again_and_one_for_nothing_does_not() -> None:
    progress = Progress()
    progress.round_trip.smoothed = 0.01
    progress.sent(2, 10, 10, 1.0)
    progress.acknowledged(2, 0, 0, 5.0)
    assert progress.stalled_at() == 1.0 + STALL_LEAST_S
    progress.acknowledged(2, 5, 5, 5.0)
    assert progress.stalled_at() == 5.0 + STALL_LEAST_S


def test_stalls_in_a_row_wait_twice_as_long_each_up_to_a_bound() -> None:
    progress = Progress()
    progress.round_trip.smoothed = 0.01
    waits = []
    for _ in range(12):
        progress.rewound(progress.round_trip)
        progress.sent(2, 10, 10, 0.0)
        stalled_at = progress.stalled_at()
        assert stalled_at is not None
        waits.append(stalled_at)
        progress.stalled(0.0)
    assert waits[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert waits[-1] == STALL_MOST_S


def test_acknowledged_data_measures_the_round_trip() -> None:
    progress = Progress()
    progress.sent(2, 10, 10, 1.0)
    progress.sent(2, 20, 10, 1.5)
    progress.acknowledged(2, 20, 20, 1.6)
    assert progress.round_trip.smoothed == pytest.approx(0.6)


def test_dropped_bytes_are_out_no_more_and_measure_nothing() -> None:
    progress = Progress()
    progress.sent(2, 10, 10, 1.0)
    progress.dropped(2, 10)
    assert progress.in_flight == 0
    progress.sent(4, 5, 5, 2.0)
    progress.acknowledged(4, 5, 5, 2.25)
    assert progress.round_trip.smoothed == pytest.approx(0.25)
