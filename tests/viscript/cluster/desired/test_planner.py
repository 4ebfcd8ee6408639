"""The plan: where instances go, that they stay, and that equal facts give equal plans."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from viscript.cluster.desired.planner import Plan, PlanHost, meant, plan
from viscript.cluster.desired.record import Deployment, Mode

BY = PublicKey(b"b" * 32)


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


def host(number: int, *, alive: bool = True, mode: Mode = Mode.NORMAL, **labels: str) -> PlanHost:
    return PlanHost(key=key(number), label=f"h{number}", labels=labels, alive=alive, mode=mode)


def app(
    name: str = "web",
    *,
    count: int = 1,
    place: str = "any",
    spread: str = "",
    gone: bool = False,
    pins: dict[int, PublicKey] | None = None,
) -> Deployment:
    return Deployment(
        cluster=BY, app=name, count=count, place=place, spread=spread, gone=gone, pins=pins or {}, by=BY
    )


HOSTS = [host(1), host(2), host(3)]

hosts = st.lists(
    st.builds(
        lambda number, alive, mode, zone: host(number, alive=alive, mode=mode, zone=zone),
        st.integers(1, 6),
        st.booleans(),
        st.sampled_from(Mode),
        st.sampled_from("ab"),
    ),
    max_size=6,
    unique_by=lambda one: one.key,
)
apps = st.lists(
    st.builds(
        lambda name, count, place, spread: app(name, count=count, place=place, spread=spread),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 5),
        st.sampled_from(["any", "h1", "zone=a", "h*", "zone=b,h2"]),
        st.sampled_from(["", "zone"]),
    ),
    max_size=3,
    unique_by=lambda one: one.app,
)
befores = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.integers(1, 6)), st.integers(1, 7).map(key)
)


@given(apps, hosts, befores)
def test_an_instance_has_one_host_that_is_meant(
    wanted: list[Deployment], there: list[PlanHost], before: Plan
) -> None:
    found = plan(wanted, there, before)
    table = {one.key: one for one in there}
    for (name, number), where in found.items():
        deployment = next(one for one in wanted if one.app == name)
        assert 1 <= number <= deployment.count
        assert meant(deployment, table[where])


@given(apps, hosts, befores)
def test_nothing_moves_without_a_cause(wanted: list[Deployment], there: list[PlanHost], before: Plan) -> None:
    table = {one.key: one for one in there}
    found = plan(wanted, there, before)
    for deployment in wanted:
        for number in range(1, deployment.count + 1):
            held = table.get(before.get((deployment.app, number), PublicKey(b"")))
            good = held and held.alive and held.mode is not Mode.DRAINED and meant(deployment, held)
            if held and good:
                assert found[deployment.app, number] == held.key


@given(apps, hosts, befores, st.randoms())
def test_equal_facts_give_an_equal_plan_and_a_plan_is_kept(
    wanted: list[Deployment], there: list[PlanHost], before: Plan, random: Random
) -> None:
    found = plan(wanted, there, before)
    mixed, others = list(wanted), list(there)
    random.shuffle(mixed)
    random.shuffle(others)
    assert plan(mixed, others, before) == found
    assert plan(wanted, there, found) == found


@given(apps, hosts, befores)
def test_what_has_somewhere_to_go_goes_there(
    wanted: list[Deployment], there: list[PlanHost], before: Plan
) -> None:
    found = plan(wanted, there, before)
    for deployment in wanted:
        able = [one for one in there if one.alive and one.mode is Mode.NORMAL and meant(deployment, one)]
        numbers = [number for name, number in found if name == deployment.app]
        assert not able or len(numbers) == deployment.count


@given(st.integers(0, 20), st.integers(1, 6))
def test_a_fresh_plan_is_even(count: int, many: int) -> None:
    found = plan([app(count=count)], [host(number) for number in range(1, many + 1)], {})
    loads = Counter(found.values())
    counts = [loads[key(number)] for number in range(1, many + 1)]
    assert sum(counts) == count
    assert max(counts) - min(counts) <= 1


@given(st.integers(0, 12), st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
def test_a_fresh_plan_is_spread_evenly_over_the_values_of_a_label(count: int, zones: list[str]) -> None:
    there = [host(number, zone=zone) for number, zone in enumerate(zones, 1)]
    found = plan([app(count=count, spread="zone")], there, {})
    zone_of = {one.key: one.labels["zone"] for one in there}
    counts = Counter(dict.fromkeys(zones, 0))
    counts.update(zone_of[where] for where in found.values())
    assert max(counts.values()) - min(counts.values()) <= 1


def test_apps_do_not_all_go_to_one_host() -> None:
    found = plan([app(f"app{number}") for number in range(30)], HOSTS, {})
    assert set(Counter(found.values()).values()) == {10}


def test_a_lost_host_gives_its_instances_to_others_and_does_not_get_them_back() -> None:
    before: Plan = {("web", 1): key(1)}
    moved = plan([app()], [host(1, alive=False), host(2)], before)
    assert moved == {("web", 1): key(2)}
    assert plan([app()], [host(1), host(2)], moved) == moved


def test_a_paused_host_keeps_what_it_has_and_gets_nothing() -> None:
    paused = [host(1, mode=Mode.PAUSED), host(2)]
    found = plan([app(count=4)], paused, {("web", 1): key(1)})
    assert Counter(found.values()) == {key(1): 1, key(2): 3}


def test_a_drained_host_gives_up_all_that_can_go() -> None:
    drained = [host(1, mode=Mode.DRAINED), host(2)]
    before: Plan = {("web", 1): key(1), ("fixed", 1): key(1)}
    found = plan([app(), app("fixed", place="h1")], drained, before)
    assert found == {("web", 1): key(2), ("fixed", 1): key(1)}


def test_a_host_that_is_lost_is_waited_for_when_there_is_no_other() -> None:
    before: Plan = {("web", 1): key(1)}
    assert plan([app(place="h1")], [host(1, alive=False), host(2)], before) == before
    assert plan([app(place="h1")], [host(2)], before) == {}


def test_a_host_that_is_awaited_keeps_what_it_had_and_gets_nothing() -> None:
    coming = PlanHost(key=key(1), label="h1", alive=False, awaited=True)
    found = plan([app(count=3)], [coming, host(2)], {("web", 1): key(1)})
    assert Counter(found.values()) == {key(1): 1, key(2): 2}


def test_a_move_by_hand_is_kept_until_its_host_is_lost() -> None:
    pinned = app(pins={1: key(2)})
    before: Plan = {("web", 1): key(1)}
    assert plan([pinned], HOSTS, before) == {("web", 1): key(2)}
    assert plan([pinned], [host(1), host(2, alive=False)], before) == before
    assert plan([pinned], [host(1), host(2)], {}) == {("web", 1): key(2)}


@pytest.mark.parametrize("deployment", [app(gone=True), app(count=0)])
def test_what_was_taken_away_is_placed_nowhere(deployment: Deployment) -> None:
    assert plan([deployment], HOSTS, {("web", 1): key(1)}) == {}


def test_ten_thousand_instances_are_planned_in_a_moment() -> None:
    many = [host(number) for number in range(1, 101)]
    found = plan([app(f"app{number}", count=100) for number in range(100)], many, {})
    assert set(Counter(found.values()).values()) == {100}
