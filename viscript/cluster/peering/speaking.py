"""One question to another cluster, by the first way at whose end it proves to be."""

from __future__ import annotations

from contextlib import aclosing

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.peering.channel import Asking
from viscript.cluster.peering.sealed import BadChannel
from viscript.cluster.peering.standing import Peering
from viscript.cluster.peering.terms import BadTerms, Question, Reply
from viscript.cluster.peering.ways import NoWay, Way, Ways
from viscript.errors import ViscriptError


async def converse(ways: Ways, own: Identity, one: Peering, question: Question, patience_s: float) -> Reply:
    """The reply. Raises `NoWay`, and `BadTerms`, `OSError`, `TimeoutError` once it was asked.

    What was asked is never asked by another way as well: it may have been done.
    """
    troubles: list[str] = []
    try:
        async with aclosing(ways.to(one)) as found:
            async for way in found:
                try:
                    return await _spoken(way, own, one.key, question, patience_s)
                except _NotThere as exc:
                    troubles.append(f"{way.name}: {exc}")
    except NoWay as exc:
        troubles.append(str(exc))
    raise NoWay("; ".join(troubles) or "the mesh does not know where it is; give --at")


class _NotThere(Exception):
    """Nothing was said yet: another way may be tried."""


async def _spoken(way: Way, own: Identity, key: PublicKey, question: Question, patience_s: float) -> Reply:
    asked = False
    try:
        async with way.connected as sock:
            asking = Asking(sock, own, key)
            await asking.shake(way.patience_s)
            asked = True
            return await asking.say(question, patience_s)
    except BadChannel as exc:
        raise (BadTerms if asked else _NotThere)(str(exc)) from exc
    except (OSError, TimeoutError, ViscriptError) as exc:
        if asked:
            raise
        raise _NotThere(str(exc) or "nobody proved the key in time") from exc
