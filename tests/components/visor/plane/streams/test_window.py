import pytest

from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import (
    RECEIVING_BUDGET,
    WINDOW_FLOOR,
    WINDOW_MAX,
    WINDOW_START,
)
from components.visor.plane.streams.window import Window


def test_a_window_starts_at_its_size_and_is_charged() -> None:
    budget = Budget(RECEIVING_BUDGET)
    window = Window(budget, 0.0)
    assert window.limit == WINDOW_START == budget.used
    window.release()
    assert budget.used == 0


def test_it_is_granted_again_at_half() -> None:
    window = Window(Budget(RECEIVING_BUDGET), 0.0)
    assert not window.taken(WINDOW_START // 2 - 1, 1.0, 0.0)
    assert window.taken(WINDOW_START // 2, 1.0, 0.0)
    assert window.limit == WINDOW_START * 3 // 2


def use(window: Window, rounds: int, seconds: float, rtt: float) -> None:
    """The app takes all as fast as it may; each window takes `seconds`."""
    now, offset = 0.0, 0
    for _ in range(rounds):
        now += seconds
        offset = window.limit
        window.taken(offset, now, rtt)


def test_it_doubles_when_used_up_within_two_round_trips() -> None:
    window = Window(Budget(1 << 40), 0.0)
    use(window, 1, seconds=0.15, rtt=0.1)
    assert window.size == 2 * WINDOW_START


def test_it_grows_to_its_most_and_no_further() -> None:
    window = Window(Budget(1 << 40), 0.0)
    use(window, 50, seconds=0.1, rtt=0.1)
    assert window.size == WINDOW_MAX


def test_it_shrinks_when_it_lasts_long_but_never_below_its_start() -> None:
    window = Window(Budget(1 << 40), 0.0)
    use(window, 4, seconds=0.1, rtt=0.1)  # a cold round trip
    grown = window.size
    assert grown == 16 * WINDOW_START
    window.taken(window.limit, 10.0, 0.001)
    assert window.size == grown // 2
    for turn in range(20):
        window.taken(window.limit, 11.0 + turn, 0.001)
    assert window.size == WINDOW_START


def test_with_slack_it_lasts_longer_than_the_round_trip_asks_for_and_shrinks_without() -> None:
    window, rate, now = Window(Budget(1 << 40), 0.0), 600e6, 0.0
    sizes = []
    for turn in range(40):
        now += window.size / rate
        window.taken(window.limit, now, 0.0003, 0.004 if turn < 20 else 0.0)
        sizes.append(window.size)
    assert sizes[19] / rate > 0.004
    assert sizes[39] / rate < 0.0003 * 6
    assert window.size >= 0.0003 * rate


def test_on_a_short_way_in_company_it_keeps_its_first_size() -> None:
    short, longer = Window(Budget(1 << 40), 0.0), Window(Budget(1 << 40), 0.0)
    for window, rtt in ((short, 0.0009), (longer, 0.0011)):
        use(window, 1, seconds=2.1 * rtt, rtt=rtt)  # as it lasts where it holds the stream up
    assert (short.size, longer.size) == (WINDOW_START, 2 * WINDOW_START)


def test_what_was_promised_is_kept_when_it_shrinks() -> None:
    budget = Budget(1 << 40)
    window = Window(budget, 0.0)
    use(window, 4, seconds=0.1, rtt=0.1)
    limit = window.limit
    window.taken(limit - window.size // 4, 10.0, 0.001)
    assert window.limit >= limit
    window.release()
    assert budget.used == 0


def test_a_steady_stream_neither_grows_nor_shrinks_once_its_window_fits() -> None:
    window, rate, now = Window(Budget(1 << 40), 0.0), 600e6, 0.0
    sizes = []
    for _ in range(40):
        now += window.size / rate
        window.taken(window.limit, now, 0.001)
        sizes.append(window.size)
    assert set(sizes[20:]) == {sizes[-1]}
    assert sizes[-1] >= 2 * rate * 0.001


@pytest.mark.parametrize("seconds, rtt", [(0.3, 0.1), (0.1, 0.0)])
def test_it_stays_when_the_app_is_slow_or_the_round_trip_unknown(seconds: float, rtt: float) -> None:
    window = Window(Budget(1 << 40), 0.0)
    use(window, 20, seconds=seconds, rtt=rtt)
    assert window.size == WINDOW_START


def test_without_memory_there_is_no_window() -> None:
    with pytest.raises(LimitError, match="no memory"):
        Window(Budget(WINDOW_FLOOR - 1), 0.0)


def test_one_group_never_reserves_all() -> None:
    budget = Budget(100 * WINDOW_FLOOR)
    limits = [Window(budget, 0.0, others=number).limit for number in range(4)]
    assert min(limits) >= WINDOW_FLOOR
    with pytest.raises(LimitError):
        Window(budget, 0.0, others=60)
    assert Window(budget, 0.0).limit >= WINDOW_FLOOR


def test_under_shortage_every_window_goes_on_with_its_floor() -> None:
    budget = Budget(4 * WINDOW_FLOOR)
    windows = [Window(budget, 0.0) for _ in range(4) if budget.free >= WINDOW_FLOOR]
    for turn in range(1, 50):
        for window in windows:
            before = window.limit
            assert window.taken(window.limit, float(turn), 1.0)
            assert window.limit - before >= WINDOW_FLOOR
        assert budget.free >= 0
    for window in windows:
        window.release()
    assert budget.used == 0


def test_a_grant_too_small_for_a_unit_waits() -> None:
    budget = Budget(WINDOW_FLOOR)
    window = Window(budget, 0.0)
    assert not window.taken(WINDOW_FLOOR // 4, 1.0, 0.0)
    assert window.taken(WINDOW_FLOOR * 3 // 4, 2.0, 0.0)
    assert budget.free == 0


def test_promises_never_exceed_the_budget() -> None:
    budget = Budget(1 << 20)
    windows = [Window(budget, 0.0) for _ in range(8)]
    taken = [0] * 8
    for turn in range(1, 200):
        for number, window in enumerate(windows):
            taken[number] = window.limit
            window.taken(window.limit, turn / 1000, 1.0)
            promised = sum(one.limit - offset for one, offset in zip(windows, taken, strict=True))
            assert promised <= budget.used <= 1 << 20
    for window in windows:
        window.release()
    assert budget.used == 0
