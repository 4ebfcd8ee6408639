import pytest

from signal_bus.ids import Generation, SeqId
from signal_bus.limits import SERVICES_PER_CLIENT
from signal_bus.messages import Offer
from signal_bus.services import Services, TooManyServices

A, B = SeqId(1), SeqId(2)
FIRST, SECOND = Generation(1), Generation(2)
WEB = Offer(name="web", type="http", address="127.0.0.1:80")


def test_an_offer_is_found_by_name_and_type() -> None:
    services = Services()
    change = services.offer(A, FIRST, WEB, 0.0)
    assert [service.name for service in change.added] == ["web"]
    services.offer(B, FIRST, Offer(name="db", type="sql", address="x"), 0.0)
    assert [s.seq for s in services.find(now=0.0)] == [A, B]
    assert [s.seq for s in services.find("web", now=0.0)] == [A]
    assert [s.seq for s in services.find(kind="sql", now=0.0)] == [B]
    assert services.find("web", "sql", now=0.0) == ()


def test_the_same_offer_again_changes_nothing_but_its_time() -> None:
    services = Services()
    offer = Offer(name="web", address="x", ttl_s=10.0)
    services.offer(A, FIRST, offer, 0.0)
    assert not services.offer(A, FIRST, offer, 8.0)
    assert services.find("web", now=15.0)[0].expires_s == 3.0
    assert not services.expire(17.9)
    assert [service.name for service in services.expire(18.0).removed] == ["web"]
    assert not services.expire(18.0)


def test_an_expired_offer_is_not_found_even_before_it_is_dropped() -> None:
    services = Services()
    services.offer(A, FIRST, Offer(name="web", address="x", ttl_s=1.0), 0.0)
    assert services.find("web", now=1.0) == ()


def test_a_new_address_replaces_the_old() -> None:
    services = Services()
    services.offer(A, FIRST, WEB, 0.0)
    change = services.offer(A, FIRST, Offer(name="web", type="http", address="new"), 1.0)
    assert (change.removed[0].address, change.added[0].address) == ("127.0.0.1:80", "new")


def test_a_client_withdraws_its_own_only() -> None:
    services = Services()
    services.offer(A, FIRST, WEB, 0.0)
    assert not services.withdraw(B, "web", "http", 0.0)
    assert services.withdraw(A, "web", "http", 0.0).removed
    assert len(services) == 0


def test_what_ends_takes_its_services_along_but_not_those_of_its_successor() -> None:
    services = Services()
    services.offer(A, SECOND, WEB, 0.0)
    assert not services.remove(A, FIRST, 0.0)
    assert services.remove(A, SECOND, 0.0).removed


def test_one_client_has_a_bound() -> None:
    services = Services()
    for number in range(SERVICES_PER_CLIENT):
        services.offer(A, FIRST, Offer(name=f"s{number}", address="x"), 0.0)
    with pytest.raises(TooManyServices):
        services.offer(A, FIRST, WEB, 0.0)
    services.offer(B, FIRST, WEB, 0.0)
