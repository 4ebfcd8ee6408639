"""The service registry: offered, found, withdrawn, expired, gone with its program."""

import pytest

from components.node_manager import registry
from components.node_manager.registry import BadOfferError, FullError, Registry, Service


def offer(
    services: Registry,
    name: str,
    *,
    type: str = "web",
    ttl_s: float | None = 10.0,
    seq: int | None = None,
    now: float = 0.0,
) -> Service:
    return services.offer(name, type, f"{name}:1", ttl_s=ttl_s, seq=seq, now=now)


def names(services: Registry, *, name: str = "", type: str = "", now: float = 0.0) -> list[str]:
    return [one.name for one in services.find(name, type, now=now)]


def test_an_offer_is_found_by_name_and_type() -> None:
    services = Registry()
    told = offer(services, "a", type="web")
    offer(services, "b", type="chat")
    offer(services, "a", type="chat")
    assert told == Service(name="a", type="web", address="a:1", expires_seconds=10.0)
    assert names(services) == ["a", "b", "a"]
    assert names(services, name="a") == ["a", "a"]
    assert names(services, type="chat") == ["b", "a"]
    assert names(services, name="b", type="web") == []


def test_a_service_not_refreshed_in_time_is_gone() -> None:
    services = Registry()
    offer(services, "a", now=0.0)
    offer(services, "b", now=0.0)
    offer(services, "a", now=9.0)
    assert names(services, now=9.999) == ["a", "b"]
    assert names(services, now=10.0) == ["a"]
    assert len(services) == 1
    assert names(services, now=19.0) == []


def test_a_service_of_a_program_ends_with_it() -> None:
    services = Registry()
    assert offer(services, "a", seq=7, ttl_s=None).expires_seconds is None
    offer(services, "b", seq=8)
    offer(services, "c")
    assert names(services, now=9.0) == ["a", "b", "c"]
    assert services.ended(7) == 1
    assert services.ended(7) == 0
    assert names(services, now=1e9) == []


def test_a_service_without_a_time_gets_one() -> None:
    assert offer(Registry(), "a", ttl_s=None).expires_seconds == registry.DEFAULT_TTL_S


def test_withdrawing_takes_one_type_or_all() -> None:
    services = Registry()
    for kind in ("web", "chat"):
        offer(services, "a", type=kind)
    assert services.withdraw("a", "web") == 1
    assert services.withdraw("a") == 1
    assert services.withdraw("a") == 0


@pytest.mark.parametrize(
    "word, ttl_s",
    [
        ("", 1.0),
        ("x" * 256, 1.0),
        ("a\nb", 1.0),
        ("a\0", 1.0),
        ("a", 0.0),
        ("a", -1.0),
        ("a", 1e9),
        ("a", float("nan")),
    ],
)
def test_what_cannot_be_a_service_is_refused(word: str, ttl_s: float) -> None:
    services = Registry()
    with pytest.raises(BadOfferError):
        services.offer(word, "t", "a", ttl_s=ttl_s, seq=None, now=0.0)
    assert len(services) == 0


def test_the_registry_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_SERVICES", 2)
    services = Registry()
    offer(services, "a")
    offer(services, "b")
    with pytest.raises(FullError):
        offer(services, "c")
    offer(services, "a")
    offer(services, "c", now=11.0)
    assert names(services, now=11.0) == ["c"]
