"""Faults of a cluster with all its processes: a few in the normal run, every one behind `slow`."""

from collections.abc import Iterator

import pytest

from bench.cluster.faults import joins
from bench.cluster.faults.__main__ import GIVEN, VICTIMS
from bench.cluster.faults.cases import ALL, Case
from bench.cluster.faults.ground import LABELS, Ground, ground
from bench.cluster.faults.measure import measure

pytestmark = pytest.mark.timeout(300)
MAJORITY_S = 26.0


@pytest.fixture(scope="module")
def field() -> Iterator[Ground]:
    with ground() as made:
        yield made


def kept(made: Ground, case: Case, victim: str, around_s: float = 2.0) -> None:
    observer = LABELS[(LABELS.index(victim) + 1) % len(LABELS)]
    verdict = measure(made, case, made.places[victim], made.places[observer], around_s=around_s)
    assert verdict.broken() == [], verdict


def test_with_the_engines_leader_killed_nothing_is_lost_and_nothing_stops(field: Ground) -> None:
    kept(field, Case("leader", "kill", 1.0), "beta", 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in ALL if case.target not in GIVEN], ids=lambda case: case.name
)
def test_every_fault_keeps_its_bounds(field: Ground, case: Case) -> None:
    kept(field, case._replace(hold_s=min(case.hold_s, MAJORITY_S)), "gamma")


@pytest.mark.slow
@pytest.mark.parametrize("special", GIVEN)
def test_what_needs_a_ground_of_its_own_keeps_its_bounds(special: str) -> None:
    with ground(GIVEN[special]) as made:
        for case in ALL:
            if case.target == special:
                kept(made, case, VICTIMS[special])


@pytest.mark.slow
def test_whoever_dies_while_hosts_join_they_meet_in_the_end() -> None:
    found = list(joins.all_of(1))
    assert all(one.again for one in found), found
