"""Connections without a key: so many of one address, so many of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.peers import crowd
from signal_bus.peers.crowd import Crowd, group_of


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "OF_ONE_MAX", 2)
    monkeypatch.setattr(crowd, "ALL_MAX", 5)


def test_one_address_has_its_part_and_leaves_the_rest_to_others() -> None:
    tried = Crowd(5.0)
    assert [tried.came(number, "10.0.0.1", 0.0) for number in range(3)] == [True, True, False]
    assert tried.came(7, "10.0.0.2", 0.0)
    assert (len(tried), tried.turned_away) == (3, 1)


def test_all_together_have_an_end() -> None:
    tried = Crowd(5.0)
    came = [tried.came(number, f"10.0.0.{number}", 0.0) for number in range(6)]
    assert came == [True] * 5 + [False]


def test_who_leaves_makes_room() -> None:
    tried = Crowd(5.0)
    for number in range(2):
        tried.came(number, "10.0.0.1", 0.0)
    tried.left(0)
    tried.left(99)
    assert tried.came(2, "10.0.0.1", 0.0)


def test_who_proved_a_key_is_not_counted() -> None:
    tried = Crowd(5.0)
    for number in range(2):
        tried.came(number, "10.0.0.1", 0.0)
    tried.proved("10.0.0.1")
    tried.proved("10.0.0.9")
    assert tried.came(2, "10.0.0.1", 0.0)
    assert not tried.came(3, "10.0.0.1", 0.0)


def test_who_outlasts_a_handshake_is_not_counted() -> None:
    tried = Crowd(5.0)
    for number in range(2):
        tried.came(number, "10.0.0.1", 0.0)
    assert not tried.came(2, "10.0.0.1", 5.0)
    assert tried.came(3, "10.0.0.1", 5.1)
    assert len(tried) == 1


def test_a_number_that_comes_again_is_another_connection() -> None:
    tried = Crowd(5.0)
    assert all(tried.came(1, "10.0.0.1", 0.0) for _ in range(10))
    assert len(tried) == 1


@pytest.mark.parametrize(
    "address,group",
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
        ("x" * 100, "x" * 64),
    ],
)
def test_an_address_is_that_of_one_host(address: str, group: str) -> None:
    assert group_of(address) == group


@given(st.lists(st.tuples(st.sampled_from("cpl"), st.integers(0, 8), st.sampled_from("ab"))))
def test_it_never_counts_wrong(steps: list[tuple[str, int, str]]) -> None:
    tried = Crowd(5.0)
    for at, (what, number, address) in enumerate(steps):
        if what == "c":
            tried.came(number, address, float(at))
        elif what == "p":
            tried.proved(address)
        else:
            tried.left(number)
        assert tried._of.total() == len(tried) <= crowd.ALL_MAX
        assert all(0 < count <= crowd.OF_ONE_MAX for count in tried._of.values())
