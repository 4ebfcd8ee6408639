"""Desired state as people see it: a row an instance, with where it is and what is in its way. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import ALIVE, Observed, Slot
from viscript.cluster.desired.planner import PlanHost, meant
from viscript.cluster.desired.record import Deployment, Mode
from viscript.cluster.desired.side import DesiredSide

UNREAD: Final = "the store was not reached since this daemon came up"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One instance that is to run, or an order that is not obeyed."""

    app: str
    number: int
    host: str = ""
    seq: int = 0
    state: str = ""
    fence: int = 0
    place: str = ""
    version: int = 0
    by: str = ""
    moved_from: str = ""
    reason: str = ""


def shown(side: DesiredSide) -> list[Shown]:
    """All instances by app and number, then what is refused."""
    hosts = {one.key: one for one in side.hosts()}
    assigned, observed = side.mirror.assigned(), _observed(side)
    trust = side.trust()
    rows = []
    for app, body in sorted(side.mirror.deployments().items()):
        believed = trust is not None and trust.believes(body.by)
        doubt = "" if believed else "its signer may not operate any more: deploy it anew"
        for number in range(1, body.count + 1):
            slot = (app, number)
            host = hosts.get(PublicKey(assigned.get(slot, b"")))
            fault = side.controller.faults.get(slot, "")
            if slot not in observed and not side.mirror.revision(ALIVE):
                rows.append(_unknown(body, number, host, doubt or fault or UNREAD))
                continue
            rows.append(_row(body, number, host, observed.get(slot), hosts, doubt or fault))
    refused = sorted(side.mirror.book.refused.items())
    return rows + [Shown(app=place, number=0, state="refused", reason=why) for place, why in refused]


def _observed(side: DesiredSide) -> Mapping[Slot, tuple[PublicKey, Observed]]:
    """As each host told it last; with the store away, what is here is as it is now. Not what was given up."""
    found = dict(side.mirror.observed())
    for slot, value in side.own().items() if side.mirror.fault else ():
        if slot not in found or found[slot][0] == side.me:
            found[slot] = (side.me, value)
    return {slot: told for slot, told in found.items() if told[1].what}


def _unknown(body: Deployment, number: int, assigned: PlanHost | None, why: str) -> Shown:
    where = "" if assigned is None else assigned.label
    return Shown(
        app=body.app,
        number=number,
        host=where,
        state="unknown",
        place=body.place,
        version=body.version,
        by=body.by.hex(),
        reason=why,
    )


def _row(
    body: Deployment,
    number: int,
    assigned: PlanHost | None,
    seen: tuple[PublicKey, Observed] | None,
    hosts: Mapping[PublicKey, PlanHost],
    fault: str,
) -> Shown:
    runs = hosts.get(seen[0]) if seen is not None else None
    value = seen[1] if seen is not None else None
    where = runs or assigned
    return Shown(
        app=body.app,
        number=number,
        host="" if where is None else where.label,
        seq=0 if value is None else value.seq,
        state=_state(assigned, value),
        fence=0 if value is None else value.fence,
        place=body.place,
        version=body.version,
        by=body.by.hex(),
        moved_from="" if value is None else value.moved_from,
        reason=fault or _reason(body, assigned, value, hosts),
    )


def _state(assigned: PlanHost | None, value: Observed | None) -> str:
    if value is not None:
        return value.state
    return "homeless" if assigned is None else "coming" if assigned.alive else "away"


def _reason(
    body: Deployment, assigned: PlanHost | None, value: Observed | None, hosts: Mapping[PublicKey, PlanHost]
) -> str:
    if value is not None and value.what != body.what:
        return "runs as it was ordered before; it is replaced when its turn comes"
    if value is not None:
        return value.reason
    if assigned is not None:
        return "" if assigned.alive else f"{assigned.label} is not there, and no other host may run it"
    able = [one for one in hosts.values() if meant(body, one)]
    if not able:
        return f"no host is meant by {body.place}"
    drained = sum(one.mode is not Mode.NORMAL for one in able if one.alive)
    return f"of {len(able)} hosts that are meant, {drained} take no work and the others are not there"
