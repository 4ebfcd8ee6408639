"""Rules of the service registry."""

import pytest

from components.mesh.forms import Offer
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.ledger import Ledger
from components.node_manager.offers import offers
from signal_bus.identity import Identity
from tests.support.manager import START, carried_out, ledger, person

ONE, TWO = person(1), person(2)


def offer(who: Identity = ONE, port: int = 3, type: str = "proxy") -> Offer:
    return Offer(address=f"{hex66(who.public_key)}:{port}", type=type, info={"country": "se"})


@pytest.fixture
def book() -> Ledger:
    made = ledger()
    for type, port in (("proxy", 3), ("vpn", 3), ("vpn", 44)):
        carried_out(made, offers.enter(made, START, ONE.public_key, offer(port=port, type=type)))
    return made


def addresses(book: Ledger, type: str, now: float = START) -> list[str]:
    return [each.address.split(":")[1] for each in offers.find(book, now, type, "", 9)]


def test_services_are_found_by_type_until_their_lease_is_over(book: Ledger) -> None:
    assert addresses(book, "vpn") == ["3", "44"]
    assert len(addresses(book, "")) == 3
    assert addresses(book, "chat") == addresses(book, "vpn", START + 300) == []
    assert offers.find(book, START, "proxy", "", 9)[0].info == {"country": "se"}


def test_renewing_is_no_news_and_keeps_the_first_time(book: Ledger) -> None:
    plan = offers.enter(book, START + 100, ONE.public_key, offer())
    assert (plan.answer.registered, plan.answer.expires_s, plan.news) == (int(START), 300, [])
    plan = offers.enter(book, START + 301, ONE.public_key, offer())
    assert (plan.answer.registered, len(plan.news)) == (int(START) + 301, 1)


def test_only_the_owner_offers_and_withdraws(book: Ledger) -> None:
    with pytest.raises(Refusal, match="itself offers") as caught:
        offers.enter(book, START, TWO.public_key, offer())
    assert caught.value.status == 403
    with pytest.raises(Refusal, match="itself offers"):
        offers.remove(book, START, TWO.public_key, offer().address, "")


def test_a_service_is_withdrawn_of_one_type_or_of_all(book: Ledger) -> None:
    assert carried_out(book, offers.remove(book, START, ONE.public_key, offer().address, "vpn")) == 1
    assert addresses(book, "vpn") == ["44"]
    assert carried_out(book, offers.remove(book, START, ONE.public_key, offer().address, "")) == 1
    with pytest.raises(Refusal, match="there is no service") as caught:
        offers.remove(book, START, ONE.public_key, offer().address, "")
    assert caught.value.status == 404


def test_an_address_of_another_form_is_refused(book: Ledger) -> None:
    with pytest.raises(Refusal, match="no address of the mesh"):
        offers.enter(book, START, ONE.public_key, Offer(address="a" * 70, type="vpn"))


def test_there_is_a_bound_for_all_and_for_an_owner(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_OF_AN_OWNER", 3)
    with pytest.raises(Refusal, match="offers 3 services already"):
        offers.enter(book, START, ONE.public_key, offer(port=9))
    monkeypatch.setattr(limits, "MOST_OFFERS", 3)
    with pytest.raises(Refusal, match="there are 3 services already"):
        offers.enter(book, START, TWO.public_key, offer(TWO))
    assert offers.enter(book, START, ONE.public_key, offer()).changes
