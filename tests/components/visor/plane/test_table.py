from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from components.visor.plane import table
from components.visor.plane.limits import LEASE_S, PROVISIONAL_S
from components.visor.plane.table import (
    IGNORED,
    LIFE,
    Event,
    InstallError,
    LegPlan,
    Plan,
    Route,
    State,
    Table,
)


def leg(link: int, in_id: int) -> Any:
    return SimpleNamespace(link=SimpleNamespace(number=link), in_id=in_id, route=None)


def plan(*legs: tuple[int, int]) -> Plan:
    return Plan(legs=tuple(LegPlan(link=link, in_id=in_id, out_id=1) for link, in_id in legs), owner=b"s")


def put(routes: Table, *legs: tuple[int, int], now: float = 0.0) -> Route:
    routes.check(plan(*legs))
    made = Route(plan(*legs), tuple(leg(*one) for one in legs), now)
    routes.add(made)
    return made


@pytest.fixture
def routes() -> Table:
    made = Table()
    made.link_up(1)
    made.link_up(2)
    return made


def test_every_pair_is_decided() -> None:
    assert LIFE.keys() | IGNORED == set(product(State, Event))
    assert not LIFE.keys() & IGNORED


def test_a_route_is_provisional_until_a_frame_passes(routes: Table) -> None:
    made = put(routes, (1, 5), (2, 6))
    assert routes.expired(PROVISIONAL_S - 0.1) == []
    assert routes.expired(PROVISIONAL_S) == [made]
    made.turn(Event.FRAME, 3.0)
    assert made.state is State.OPEN
    assert routes.expired(3.0 + LEASE_S - 0.1) == []
    assert routes.expired(3.0 + LEASE_S) == [made]


def test_a_closed_route_stays_closed(routes: Table) -> None:
    made = put(routes, (1, 5))
    made.turn(Event.CLOSE, 1.0)
    made.turn(Event.FRAME, 2.0)
    assert made.state is State.CLOSED


def test_removing_twice_is_removing_once(routes: Table) -> None:
    first = put(routes, (1, 5), (2, 6))
    routes.remove(first)
    again = put(routes, (1, 5), (2, 6))
    routes.remove(first)
    assert routes.routes() == [again]
    assert routes.legs[1][5] is again.legs[0]


def test_a_lost_link_names_each_of_its_routes_once(routes: Table) -> None:
    both, one = put(routes, (1, 5), (2, 6)), put(routes, (1, 7))
    put(routes, (2, 8))
    assert routes.link_down(1) == [both, one]
    assert routes.link_down(9) == []


def test_quotas_are_kept(routes: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "PROVISIONAL_A_LINK", 2)
    used = put(routes, (1, 1))
    put(routes, (1, 2))
    with pytest.raises(InstallError, match="never used"):
        put(routes, (1, 3))
    used.turn(Event.FRAME, 0.0)
    put(routes, (1, 3))
    monkeypatch.setattr(table, "PROVISIONAL_A_LINK", 100)
    monkeypatch.setattr(table, "ROUTES_A_LINK", 3)
    with pytest.raises(InstallError, match="the link holds 3"):
        put(routes, (1, 4))
    monkeypatch.setattr(table, "ROUTES_A_NODE", 3)
    with pytest.raises(InstallError, match="the node holds 3"):
        put(routes, (2, 4))
