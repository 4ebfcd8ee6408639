"""Rules of the service registry: what nodes offer, by type. Pure: each gives a plan, or raises `Refusal`."""

from __future__ import annotations

from typing import Final

from components.mesh.forms import Offer, ToldOffer, owner
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.gate import told
from components.node_manager.ledger import Change, Ledger, OfferRow, put
from components.node_manager.offers import uptime
from components.node_manager.plan import News, Plan
from signal_bus.ids import PublicKey

TOPIC: Final = "mesh.service"


def enter(ledger: Ledger, now: float, who: PublicKey, offer: Offer) -> Plan[ToldOffer]:
    """Enter or renew a service of the one who signed."""
    key = _key(offer.type, offer.address, who)
    before = ledger.offers.get(key)
    fresh = before is None or before.ends <= now
    if before is None:
        _demand_room(ledger, hex66(who))
    registered = int(now) if before is None or fresh else before.registered
    row = OfferRow(ends=now + offer.lease_s, offer=offer, registered=registered)
    news = [_news("offered", offer)] if fresh else []
    return Plan(tell(row, now), [put(key, row), uptime.beat(ledger, hex66(who), now)], news)


def remove(ledger: Ledger, now: float, who: PublicKey, address: str, type: str) -> Plan[int]:
    """Take back the services of an address, of every type when none is given; how many there were."""
    wanted = _key(type, address, who).split(":", 1)[1]
    found = [key for key in ledger.of_owner(hex66(who)) if key.split(":", 1)[1] == wanted]
    keys = [key for key in found if type in ("", key.split(":")[0]) and ledger.offers[key].ends > now]
    if not keys:
        raise Refusal(404, "service", f"there is no service {type} at {address}")
    news = [_news("withdrawn", ledger.offers[key].offer) for key in keys]
    return Plan(len(keys), [Change("offer", key, None) for key in keys], news)


def find(ledger: Ledger, now: float, type: str, after: str, count: int) -> tuple[ToldOffer, ...]:
    """The services of a type, or of all, by type and address."""
    keys = sorted(
        key
        for key, row in ledger.offers.items()
        if row.ends > now and key > after and type in ("", row.offer.type)
    )
    return tuple(tell(ledger.offers[key], now) for key in keys[:count])


def tell(row: OfferRow, now: float) -> ToldOffer:
    """A service as it is told."""
    offer = row.offer
    return ToldOffer(
        address=offer.address,
        type=offer.type,
        version=offer.version,
        info=offer.info,
        registered=row.registered,
        expires_s=max(0, round(row.ends - now)),
    )


def _key(type: str, address: str, who: PublicKey) -> str:
    key, port = told(lambda: owner(address))
    if key != who:
        raise Refusal(403, "owner", f"only {key.hex()} itself offers and withdraws services at {address}")
    return f"{type}:{hex66(key)}:{port}"


def _demand_room(ledger: Ledger, name: str) -> None:
    if len(ledger.offers) >= limits.MOST_OFFERS:
        raise Refusal(503, "full", f"there are {limits.MOST_OFFERS} services already")
    if len(ledger.of_owner(name)) >= limits.MOST_OF_AN_OWNER:
        raise Refusal(503, "full", f"{name} offers {limits.MOST_OF_AN_OWNER} services already")


def _news(what: str, offer: Offer) -> News:
    return News(TOPIC, {"what": what, "type": offer.type, "address": offer.address})
