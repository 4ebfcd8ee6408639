"""How much a host with the role view may write."""

import pytest

from viscript.statestore.api import Delete, Op, Put
from viscript.statestore.errors import Refused
from viscript.statestore.far import allowance
from viscript.statestore.far.allowance import BYTES_PER_S, OVERHEAD_BYTES, Allowances

HOST, OTHER = bytes(32), bytes([1]) * 32


def of(size: int) -> tuple[Op, ...]:
    return (Put("k", bytes(size - OVERHEAD_BYTES - 1)),)


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "BYTES_AT_ONCE", 1000.0)


def test_so_much_at_once_and_no_more() -> None:
    tried = Allowances()
    tried.spend(HOST, of(600), 0.0)
    tried.spend(HOST, of(400), 0.0)
    with pytest.raises(Refused, match="16 KiB a second on average; an admin can give operate"):
        tried.spend(HOST, of(200), 0.0)
    tried.spend(OTHER, of(1000), 0.0)


def test_time_gives_it_back_up_to_the_bound() -> None:
    tried = Allowances()
    tried.spend(HOST, of(1000), 0.0)
    tried.spend(HOST, of(500), 500 / BYTES_PER_S)
    with pytest.raises(Refused):
        tried.spend(HOST, of(200), 500 / BYTES_PER_S)
    with pytest.raises(Refused):
        tried.spend(HOST, of(1001), 1e6)
    tried.spend(HOST, of(1000), 1e6)


def test_what_is_refused_costs_nothing_and_taking_away_is_free() -> None:
    tried = Allowances()
    with pytest.raises(Refused):
        tried.spend(HOST, of(1001), 0.0)
    tried.spend(HOST, of(1000), 0.0)
    tried.spend(HOST, (Delete("k"),), 0.0)


def test_only_so_many_hosts_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "HOSTS_KNOWN", 2)
    tried = Allowances()
    for key in (HOST, OTHER, HOST, bytes([2]) * 32):
        tried.spend(key, of(200), 0.0)
    assert tried._left.keys() == {HOST, bytes([2]) * 32}
