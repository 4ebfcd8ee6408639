"""Numbers of signed requests: each once, also after keys were forgotten."""

import pytest

from components.node_manager import limits, nonces
from components.node_manager.ledger import Ledger
from components.node_manager.plan import OutOfStep
from tests.support.manager import START, ledger


def use(book: Ledger, key: str, nonce: int) -> None:
    book.apply(nonces.use(book, key, nonce, START))


def test_each_number_is_taken_once_and_in_order() -> None:
    book = ledger()
    due = nonces.expected(book, "a")
    use(book, "a", due)
    for wrong in (due, due + 2, 0):
        with pytest.raises(OutOfStep, match="SW-Nonce does not match") as caught:
            use(book, "a", wrong)
        assert caught.value.expected == due + 1
    use(book, "a", due + 1)


def test_a_new_ledger_begins_above_all_that_an_older_one_used() -> None:
    old, new = Ledger(), Ledger()
    old.apply([nonces.first(START)])
    new.apply([nonces.first(START + 1)])
    assert nonces.expected(new, "a") >= nonces.expected(old, "a") + 1_000


def test_a_forgotten_key_does_not_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_NONCES", 2)
    book = ledger()
    due = nonces.expected(book, "a")
    for nonce in range(due, due + 5):
        use(book, "a", nonce)
    for key in ("b", "c"):
        use(book, key, nonces.expected(book, key))
    assert "a" not in book.nonces
    assert len(book.nonces) == 3
    assert nonces.expected(book, "a") == due + 5
    assert nonces.expected(book, "new") == due + 5


def test_what_is_forgotten_is_what_was_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_NONCES", 2)
    book = ledger()
    for key in ("a", "b", "a", "c"):
        use(book, key, nonces.expected(book, key))
    assert set(book.nonces) == {"", "a", "c"}
