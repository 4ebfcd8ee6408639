"""Uptimes: the time between signs of life that are close enough."""

import pytest

from components.node_manager import limits
from components.node_manager.offers import uptime
from tests.support.manager import START, ledger


def test_the_time_between_renewals_counts_and_silence_does_not() -> None:
    book = ledger()
    for at in (0, 100, 200, 1_000, 1_100):
        book.apply([uptime.beat(book, "a", START + at)])
    told = uptime.tell("a", book.uptimes["a"], START + 1_200)
    assert (told.up_s, told.online, told.percentage) == (400, True, 33.33)
    told = uptime.tell("a", book.uptimes["a"], START + 1_500)
    assert (told.up_s, told.online, told.percentage) == (300, False, 20.0)


def test_a_node_that_was_just_seen_was_there_all_the_time() -> None:
    book = ledger()
    book.apply([uptime.beat(book, "a", START)])
    assert uptime.tell("a", book.uptimes["a"], START).percentage == 100.0
    assert uptime.tell("a", book.uptimes["a"], START - 9).up_s == 0


def test_nodes_are_told_by_key_some_or_all() -> None:
    book = ledger()
    for key in "cab":
        book.apply([uptime.beat(book, key, START)])
    assert [each.pk for each in uptime.page(book, START, "a", 5)] == ["b", "c"]
    assert [each.pk for each in uptime.some(book, START, "xc")] == ["c"]


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_UPTIMES", 1)
    book = ledger()
    for key in "aba":
        book.apply([uptime.beat(book, key, START)])
    assert list(book.uptimes) == ["a"]
