"""The figures of `status`."""

from components.visor.kit.ledger import SHOWN, Entry, Ledger


def test_open_and_closed_connections_are_in_the_sums() -> None:
    ledger = Ledger()
    first, second = Entry("aa", "a:1", 10.0, wait_s=0.25), Entry("bb", "b:2", 10.0)
    number = ledger.opened(first)
    ledger.opened(second)
    first.tally.went(5)
    second.tally.came(40)
    ledger.closed(number)
    told = ledger.figures(12.0)
    assert (told["open"], told["served"], told["sent_bytes"], told["received_bytes"]) == (1, 1, 5, 40)
    (row,) = told["connections"]
    assert (row["peer"], row["seconds"], row["bytes_per_second"]) == ("bb", 2.0, 20)


def test_of_many_the_first_are_listed_and_all_counted() -> None:
    ledger = Ledger()
    for _ in range(SHOWN + 5):
        ledger.opened(Entry("aa", "a:1", 0.0))
    told = ledger.figures(0.0)
    assert (told["open"], len(told["connections"])) == (SHOWN + 5, SHOWN)
