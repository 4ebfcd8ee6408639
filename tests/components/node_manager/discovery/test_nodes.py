"""Rules of the node entries: each one later than the one before, also after it expired."""

import pytest

from components.mesh.entry import Server
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.discovery import nodes
from components.node_manager.ledger import Ledger
from components.node_manager.plan import OutOfStep
from tests.support.manager import START, carried_out, ledger, node, person

ONE, TWO, THREE = person(1), person(2), person(3)


@pytest.fixture
def book() -> Ledger:
    made = ledger()
    assert carried_out(made, nodes.enter(made, START, node(ONE, 5))) == "wrote a new entry"
    return made


def test_an_entry_is_found_until_its_lease_is_over(book: Ledger) -> None:
    assert nodes.find(book, START + 299, ONE.public_key) == node(ONE, 5)
    for now, key in ((START + 300, ONE.public_key), (START, TWO.public_key)):
        with pytest.raises(Refusal, match="entry of public key is not found"):
            nodes.find(book, now, key)


def test_a_renewal_has_the_next_sequence_and_is_news_only_if_something_changed(book: Ledger) -> None:
    plan = nodes.enter(book, START + 9, node(ONE, 6))
    assert (plan.answer, plan.news) == ("wrote new entry iteration", [])
    carried_out(book, plan)
    plan = nodes.enter(book, START + 9, node(ONE, 7, addresses=("a:1",)))
    assert [each.data["what"] for each in plan.news] == ["entered"]


@pytest.mark.parametrize("sequence", [0, 4, 5, 7])
@pytest.mark.parametrize("later", [0, 400])
def test_an_old_entry_cannot_come_back(book: Ledger, sequence: int, later: int) -> None:
    with pytest.raises(OutOfStep, match="is not sequence of old entry") as caught:
        nodes.enter(book, START + later, node(ONE, sequence))
    assert caught.value.expected == 6


def test_a_node_takes_its_own_entry_back_and_no_other(book: Ledger) -> None:
    with pytest.raises(Refusal, match="only a node itself"):
        nodes.remove(book, START, TWO.public_key, ONE.public_key)
    plan = nodes.remove(book, START, ONE.public_key, ONE.public_key)
    carried_out(book, plan)
    assert [each.data["what"] for each in plan.news] == ["removed"]
    with pytest.raises(Refusal, match="not found"):
        nodes.find(book, START, ONE.public_key)
    with pytest.raises(OutOfStep):
        nodes.enter(book, START, node(ONE, 5))


def test_messengers_are_told_and_full_ones_where_asked(book: Ledger) -> None:
    for who, room in ((TWO, 0), (THREE, 9)):
        server = Server("a:1", room)
        carried_out(book, nodes.enter(book, START, node(who, client=None, server=server)))

    def told(*, available: bool) -> set[str]:
        return {each.static for each in nodes.servers(book, START, available=available, count=9)}

    assert told(available=True) == {hex66(THREE.public_key)}
    assert told(available=False) == {hex66(TWO.public_key), hex66(THREE.public_key)}


def test_pages_hold_each_node_once_by_key(book: Ledger) -> None:
    carried_out(book, nodes.enter(book, START, node(TWO)))
    (first,) = nodes.page(book, START, "", 1)
    (second,) = nodes.page(book, START, first, 1)
    assert [first, second] == sorted(book.nodes)
    assert nodes.page(book, START, second, 1) == ()


def test_there_is_a_bound(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_NODES", 1)
    with pytest.raises(Refusal, match="there are 1 nodes already"):
        nodes.enter(book, START, node(TWO))
    assert nodes.enter(book, START, node(ONE, 6)).changes
