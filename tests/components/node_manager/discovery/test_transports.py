"""Rules of the transport discovery."""

import msgspec
import pytest

from components.mesh.forms import Status
from components.mesh.transport import TransportType
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.discovery import transports
from components.node_manager.ledger import Ledger
from tests.support.manager import START, carried_out, down, ledger, link, person

ONE, TWO, THREE = person(1), person(2), person(3)
LINK, RELAYED, OTHER = link(ONE, TWO), link(ONE, TWO, TransportType.DMSG), link(ONE, THREE)
ID = LINK.entry.t_id


@pytest.fixture
def book() -> Ledger:
    made = ledger()
    carried_out(made, transports.register(made, START, ONE.public_key, [LINK, RELAYED, OTHER, LINK]))
    return made


def test_what_was_registered_is_told_with_its_signatures(book: Ledger) -> None:
    told = transports.of_edge(book, START + 1, ONE.public_key)
    assert [each.entry.t_id for each in told] == sorted(each.entry.t_id for each in (LINK, RELAYED, OTHER))
    assert all(each.is_up and each.expires_s == 299 and each.registered == int(START) for each in told)
    assert {each.signatures for each in told} == {each.signatures for each in (LINK, RELAYED, OTHER)}
    assert len(transports.of_edge(book, START + 1, THREE.public_key)) == 1


def test_only_an_edge_registers_reports_and_removes(book: Ledger) -> None:
    for rule in (
        lambda: transports.register(book, START, THREE.public_key, [LINK]),
        lambda: transports.status(book, START, THREE.public_key, [down(LINK)]),
        lambda: transports.remove(book, START, THREE.public_key, ID),
    ):
        with pytest.raises(Refusal, match="is no edge") as caught:
            rule()
        assert caught.value.status == 403


def test_one_edge_that_says_down_is_enough_and_both_must_say_up(book: Ledger) -> None:
    plan = transports.status(book, START + 9, ONE.public_key, [down(LINK, rtt_us=7, throughput=8)])
    (told,) = carried_out(book, plan)
    assert not told.is_up
    assert [each.data["what"] for each in plan.news] == ["down"]
    mine = told.statuses[told.entry.edges.index("02" + ONE.public_key.hex())]
    assert (mine.rtt_us, mine.throughput, mine.updated) == (7, 8, int(START) + 9)
    up = Status(t_id=ID, is_up=True)
    assert not carried_out(book, transports.status(book, START, TWO.public_key, [up]))[0].is_up
    plan = transports.status(book, START, ONE.public_key, [down(LINK), up])
    assert carried_out(book, plan)[0].is_up
    assert [each.data["what"] for each in plan.news] == ["up"]


def test_a_report_of_one_that_expired_renews_the_others(book: Ledger) -> None:
    gone = Status(t_id="gone", is_up=True)
    told = carried_out(book, transports.status(book, START + 9, ONE.public_key, [gone, down(LINK)]))
    assert [each.entry.t_id for each in told] == [ID]
    over = transports.status(book, START + 400, ONE.public_key, [down(LINK)])
    assert over.answer == ()


def test_registering_again_renews_and_keeps_the_first_time(book: Ledger) -> None:
    carried_out(book, transports.status(book, START, ONE.public_key, [down(LINK, rtt_us=7)]))
    plan = transports.register(book, START + 100, ONE.public_key, [LINK])
    (told,) = carried_out(book, plan)
    assert (told.registered, told.expires_s, told.is_up, plan.news) == (int(START), 300, True, [])
    assert 7 in {each.rtt_us for each in told.statuses}


def test_a_lease_that_is_over_hides_a_transport_at_once(book: Ledger) -> None:
    now = START + limits.LEASE_S
    with pytest.raises(Refusal, match="no transport"):
        transports.find(book, now, ID)
    with pytest.raises(Refusal, match="has no transports"):
        transports.of_edge(book, now, ONE.public_key)
    assert transports.page(book, now, "", 9).transports == transports.live(book, now) == ()
    (told,) = carried_out(book, transports.register(book, now, TWO.public_key, [LINK]))
    assert told.registered == int(now)


def test_what_an_edge_removes_is_gone(book: Ledger) -> None:
    plan = transports.remove(book, START, TWO.public_key, ID)
    carried_out(book, plan)
    assert [each.data["what"] for each in plan.news] == ["removed"]
    with pytest.raises(Refusal, match="no transport"):
        transports.remove(book, START, TWO.public_key, ID)


def test_pages_hold_each_transport_once(book: Ledger) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = transports.page(book, START, after, 2)
        found += [each.entry.t_id for each in page.transports]
        if not page.next:
            break
        after = page.next
    assert found == sorted(book.transports)


def test_there_is_a_bound_for_all_and_for_an_edge(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = link(TWO, THREE)
    monkeypatch.setattr(limits, "MOST_OF_AN_EDGE", 2)
    with pytest.raises(Refusal, match="has 2 transports already"):
        transports.register(book, START, TWO.public_key, [fresh])
    monkeypatch.setattr(limits, "MOST_TRANSPORTS", 3)
    with pytest.raises(Refusal, match="there are 3 transports already"):
        transports.register(book, START, TWO.public_key, [fresh])
    assert transports.register(book, START, TWO.public_key, [LINK]).changes


def test_what_the_client_says_of_time_is_not_believed(book: Ledger) -> None:
    late = msgspec.structs.replace(link(TWO, THREE), registered=9)
    (told,) = carried_out(book, transports.register(book, START, TWO.public_key, [late]))
    assert told.registered == int(START)
