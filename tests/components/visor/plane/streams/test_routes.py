from itertools import product

import pytest

from components.visor.plane.streams.limits import KEEP_ALIVE_S, MISSES_MAX, PINGS_FIRST
from components.visor.plane.streams.routes import IGNORED, TABLE, Route, RouteEvent, Standing
from components.visor.plane.unit import HEADER, Kind, read_head

ROOM = memoryview(bytearray(100))


def kinds_of(route: Route, now: float = 0.0) -> list[Kind]:
    kinds = []
    while size := route.write(ROOM, bytes(16), now):
        kinds.append(Kind(read_head(ROOM[:size])[0]))
    return kinds


def route_of(*, dialled_by_us: bool = True) -> Route:
    return Route(1, cost=1, dialled_by_us=dialled_by_us, now=0.0)


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(Standing, RouteEvent))
    assert not TABLE.keys() & IGNORED


def test_who_dialled_speaks_first_and_says_hello_first_of_all() -> None:
    assert kinds_of(route_of()) == [Kind.HELLO, Kind.PING]


def test_who_was_dialled_is_silent_until_it_hears_the_other() -> None:
    route = route_of(dialled_by_us=False)
    assert not route.waiting
    assert kinds_of(route) == []
    route.happen(RouteEvent.HELLO)
    assert kinds_of(route) == [Kind.HELLO, Kind.PING]


def test_a_question_is_answered_once_and_the_last_one_counts() -> None:
    route = route_of()
    kinds_of(route)
    route.pinged(5)
    route.pinged(6)
    assert route.write(ROOM, b"", 0.0) == HEADER
    assert read_head(ROOM[:HEADER]) == (Kind.PONG, 0, 6)
    assert not route.waiting


def test_an_answer_measures_and_clears_suspicion_and_a_late_one_does_nothing() -> None:
    route = route_of()
    kinds_of(route, now=1.0)
    route.happen(RouteEvent.CHOSEN)
    route.happen(RouteEvent.STALLED)
    standings = []
    for token, now in ((99, 2.0), (1, 1.25)):
        route.ponged(token, now)
        standings.append(route.standing)
    assert standings == [Standing.SUSPECT, Standing.STANDBY]
    assert route.round_trip.least == pytest.approx(0.25)
    route.ponged(1, 9.0)
    assert route.round_trip.smoothed == pytest.approx(0.25)


def test_at_the_start_it_asks_again_until_the_round_trip_is_known() -> None:
    route, asked = route_of(), []
    for token in range(1, PINGS_FIRST + 2):
        asked.append(kinds_of(route, now=1.0))
        route.ponged(token, 1.5)
    assert asked == [[Kind.HELLO, Kind.PING], *[[Kind.PING]] * (PINGS_FIRST - 1), []]


def test_a_silent_route_is_dead_after_three_misses() -> None:
    route = route_of()
    alive = [route.tick(KEEP_ALIVE_S * (turn + 1)) for turn in range(MISSES_MAX)]
    assert alive == [True] * (MISSES_MAX - 1) + [False]


def test_any_unit_keeps_a_route_alive() -> None:
    route = route_of()
    for turn in range(20):
        assert route.tick(KEEP_ALIVE_S * (turn + 1))
        assert kinds_of(route)[-1] is Kind.PING
        route.heard()
    assert route.tick(0.0)


def test_after_a_restart_of_the_peer_it_is_greeted_again() -> None:
    route = route_of()
    kinds_of(route)
    route.greet_again()
    assert kinds_of(route) == [Kind.HELLO]
