from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from components.mesh.roster import FIRST_S, LASTED_S, LONGEST_S, Messenger, Roster
from tests.support.mesh import ALICE, BOB, CAROL

ONE, TWO, THREE = (Messenger(who.public_key, ("h", port)) for port, who in enumerate((ALICE, BOB, CAROL)))


def test_the_favourite_is_chosen_first_and_nobody_twice() -> None:
    roster = Roster([ONE, TWO])
    assert [roster.choose(0.0) for _ in range(3)] == [ONE, TWO, None]
    assert roster.wait_s(0.0) is None


def test_who_was_lost_rests_and_the_next_takes_its_place() -> None:
    roster = Roster([ONE, TWO])
    roster.choose(0.0)
    roster.lost(ONE, 10.0, lasted_s=1.0, chance=1.0)
    assert roster.choose(10.0) == TWO
    assert roster.wait_s(10.0) == 2 * FIRST_S
    assert roster.choose(10.0 + 2 * FIRST_S) == ONE


@given(st.integers(1, 100), st.floats(0, 1))
def test_each_failure_in_a_row_makes_the_rest_longer_up_to_a_bound(failures: int, chance: float) -> None:
    roster = Roster([ONE])
    rests: list[float] = []
    for _ in range(failures):
        now = 1000.0 * len(rests)
        assert roster.choose(now) == ONE
        roster.lost(ONE, now, lasted_s=0.0, chance=chance)
        rests.append(roster.wait_s(now) or 0.0)
    assert all(rest + 1e-6 >= FIRST_S and rest <= LONGEST_S for rest in rests)
    assert all(former <= later + 1e-6 for former, later in pairwise(rests))
    roster.choose(1e6)
    roster.lost(ONE, 1e6, lasted_s=LASTED_S, chance=1.0)
    assert roster.wait_s(1e6) == 2 * FIRST_S


def test_another_list_keeps_what_is_known_of_those_that_stay() -> None:
    roster = Roster([ONE, TWO])
    roster.choose(0.0)
    roster.replace([THREE, ONE])
    assert TWO not in roster
    assert [roster.choose(0.0), roster.choose(0.0)] == [THREE, None]
    roster.lost(TWO, 0.0, lasted_s=0.0, chance=0.0)
    assert TWO not in roster
