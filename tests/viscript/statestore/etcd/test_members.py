"""The order in which members are asked, and the time each is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.etcd.members import LEAST_S, SHUN_S, Members, share


def test_who_answered_last_is_asked_first() -> None:
    members = Members(("a", "b", "c"))
    assert members.order(0.0) == ["a", "b", "c"]
    members.good("b", 0.0)
    assert members.order(0.0) == ["b", "a", "c"]


def test_who_failed_lately_comes_last_until_some_time_has_passed() -> None:
    members = Members(("a", "b", "c"))
    members.good("a", 0.0)
    members.bad("a", 1.0, "frozen")
    members.bad("b", 2.0, "refused")
    assert members.order(3.0) == ["c", "a", "b"]
    assert members.faults == {"a": "frozen", "b": "refused"}
    assert members.order(1.0 + SHUN_S + 0.1) == ["a", "c", "b"]
    members.good("b", 3.0)
    assert members.order(3.0) == ["b", "c", "a"]
    assert members.faults == {"a": "frozen"}


def test_absence_is_counted_from_the_last_answer() -> None:
    members = Members(("a",))
    assert members.away_s(10.0, 4.0) == 6.0
    members.good("a", 8.0)
    assert members.away_s(10.0, 4.0) == 2.0


@given(st.floats(0.01, 60), st.integers(1, 16))
def test_all_members_have_their_share_of_the_time(left: float, count: int) -> None:
    given_ = share(left, count)
    assert 0 < given_ <= left
    assert given_ >= min(LEAST_S, left)
    assert share(left, 1) == left
    assert share(left, 1, left / 3) == pytest.approx(min(max(left / 3, LEAST_S), left))
