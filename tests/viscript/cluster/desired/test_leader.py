"""What a leader writes; elections are tried in test_side.py."""

import pytest

from viscript.cluster.desired.keys import Assignment, unpack
from viscript.cluster.desired.leader import AWAIT_S, STILL_S, TTL_S, difference
from viscript.keeper.fence import LEASE_S
from viscript.statestore.api import Delete, Put

A, B = b"a" * 32, b"b" * 32


def test_only_what_changed_is_written() -> None:
    before = {("web", 1): A, ("web", 2): A, ("web", 3): A}
    changes = list(difference(before, {("web", 1): A, ("web", 2): B, ("web", 4): B}))
    assert [one.key for one in changes] == ["assign/web/2", "assign/web/3", "assign/web/4"]
    assert isinstance(changes[1], Delete)
    for one in (changes[0], changes[2]):
        assert isinstance(one, Put)
        value = unpack(one.value, Assignment)
        assert value is not None
        assert value.host == B
        assert one.lease == 0, "it outlives the leader"


def test_an_equal_plan_writes_nothing() -> None:
    assert list(difference({("web", 1): A}, {("web", 1): A})) == []


@pytest.mark.parametrize("shorter,longer", [(STILL_S, TTL_S), (TTL_S, LEASE_S), (TTL_S + AWAIT_S, 20.0)])
def test_the_spans_of_time_fit_together(shorter: float, longer: float) -> None:
    assert shorter < longer
