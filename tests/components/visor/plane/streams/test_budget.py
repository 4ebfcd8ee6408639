from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.streams.budget import Budget


def test_what_is_taken_is_used_until_it_is_given_back() -> None:
    budget = Budget(100)
    assert budget.take(60, held=0)
    assert budget.used == 60
    budget.give(60)
    assert budget.used == 0


def test_one_alone_gets_half_and_never_more() -> None:
    budget = Budget(1000)
    held = 0
    while budget.take(10, held=held):
        held += 10
    assert held == 500


def test_who_holds_nothing_gets_the_last_byte() -> None:
    budget = Budget(100)
    assert budget.take(90, held=0)
    assert not budget.take(10, held=1)
    assert budget.take(10, held=0)
    assert not budget.take(1, held=0)


def test_some_is_given_when_all_is_too_much() -> None:
    budget = Budget(100)
    assert budget.take_some(500, held=0) == 50
    assert budget.take_some(5, held=0) == 5
    assert budget.take_some(500, held=90) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 300)), max_size=200))
def test_many_never_take_more_than_there_is(takes: list[tuple[int, int]]) -> None:
    budget = Budget(5000)
    held = dict.fromkeys(range(10), 0)
    for who, amount in takes:
        if budget.take(amount, held=held[who]):
            held[who] += amount
    assert budget.free == 5000 - sum(held.values()) >= 0


def test_who_waits_is_woken_once_by_the_next_gift() -> None:
    budget = Budget(10)
    woken: list[str] = []
    budget.wait("a", lambda: woken.append("a"))
    budget.wait("a", lambda: woken.append("a"))
    budget.wait("b", lambda: woken.append("b"))
    budget.forget("b")
    budget.give(0)
    assert not woken
    budget.give(1)
    budget.give(1)
    assert woken == ["a"]
