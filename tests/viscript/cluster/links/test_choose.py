from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.support.rosters import host
from viscript.cluster.links.choose import best, first_number

SMALL, BIG = sorted((host(1).public_key, host(2).public_key))


@dataclass(frozen=True)
class Way:
    dialled: bool
    made_at: float


def test_that_dialled_by_the_smaller_key_is_used() -> None:
    mine, theirs = Way(True, 1.0), Way(False, 2.0)
    assert best([mine, theirs], SMALL, BIG) is mine
    assert best([mine, theirs], BIG, SMALL) is theirs


def test_of_two_that_one_dialled_the_newer_is_used() -> None:
    old, new = Way(False, 1.0), Way(False, 2.0)
    assert best([old, new], SMALL, BIG) is new
    assert best([], SMALL, BIG) is None


@given(
    made=st.lists(
        st.tuples(st.booleans(), st.floats(0, 100)), min_size=1, max_size=5, unique_by=lambda one: one[1]
    )
)
def test_both_sides_use_the_same(made: list[tuple[bool, float]]) -> None:
    here = [Way(dialled, at) for dialled, at in made]
    there = [Way(not dialled, at) for dialled, at in made]
    one, other = best(here, SMALL, BIG), best(there, BIG, SMALL)
    assert one is not None
    assert other is not None
    assert one.made_at == other.made_at


def test_the_two_sides_number_their_streams_apart() -> None:
    assert {first_number(SMALL, BIG), first_number(BIG, SMALL)} == {1, 2}
