import pytest

from components.messenger import quota
from components.messenger.quota import DayQuota
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key


def test_a_key_may_have_so_much_a_day() -> None:
    counts = DayQuota(100)
    assert counts.take(A, 100, day=1)
    assert not counts.is_left(A, day=1)
    assert not counts.take(A, 1, day=1)
    assert counts.take(B, 1, day=1)
    assert counts.used(1) == {A: 101, B: 1}
    assert counts.is_left(A, day=2)
    assert counts.used(2) == {}


def test_a_limit_of_nothing_is_none() -> None:
    counts = DayQuota(0)
    assert counts.take(A, 10**15, day=1)
    assert counts.is_left(A, day=1)


def test_more_keys_than_can_be_counted_have_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MAX_KEYS", 1)
    counts, free = DayQuota(10), DayQuota(0)
    for each in (counts, free):
        assert each.take(A, 1, day=1)
    assert not counts.take(B, 1, day=1)
    assert free.take(B, 1, day=1)
