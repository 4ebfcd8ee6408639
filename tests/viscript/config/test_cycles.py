from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from viscript.config.cycles import find_cycles


def test_a_cycle_is_named_from_its_first_member() -> None:
    assert list(find_cycles({"a": ["b"], "b": ["c"], "c": ["a"]})) == [("a", "b", "c", "a")]


def test_a_cycle_behind_others_is_named_without_them() -> None:
    assert list(find_cycles({"x": ["a"], "a": ["b"], "b": ["a"]})) == [("a", "b", "a")]


def test_separate_cycles_are_all_found() -> None:
    assert len(list(find_cycles({"a": ["b"], "b": ["a"], "c": ["c"], "d": ["missing"]}))) == 2


def test_a_chain_of_ten_thousand_is_no_cycle_and_no_recursion() -> None:
    assert list(find_cycles({str(n): [str(n + 1)] for n in range(10_000)})) == []


NAMES = st.sampled_from("abcdef")


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=6))
def test_a_cycle_is_found_when_there_is_one_and_each_step_exists(edges: dict[str, list[str]]) -> None:
    cycles = list(find_cycles(edges))
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(after in edges[before] for before, after in pairwise(cycle))
    left = {name: {other for other in others if other in edges} for name, others in edges.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert bool(cycles) == bool(left)
