"""Which orders count: those an operator of this cluster signed, and never an older one than was seen. Pure.

A record that was taken once goes on counting for what runs when its signer belongs no more; nothing new is
started by it until somebody signs it anew. One that has expired counts as taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.desired.record import (
    Deployment,
    HostOrder,
    Mode,
    SignedOrder,
    read_deployment,
    read_host_order,
)
from viscript.cluster.model import VERSION_MAX, BadRecord, covers
from viscript.verbs.table import Role

MOST: Final = 10_000  # of each sort; more are refused

RoleOf = Callable[[PublicKey], Role | None]


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whom this host believes: its cluster, and what a key may do there."""

    cluster: PublicKey
    role_of: RoleOf

    def believes(self, signer: PublicKey, needed: Role = Role.OPERATE) -> bool:
        """Whether this key may order what runs, or what the `needed` role may."""
        role = self.role_of(signer)
        return role is not None and covers(role, needed)


def is_admins(body: Deployment, role_of: RoleOf) -> bool:
    """Whether an admin gave this order: only then counts what it carries along."""
    return body.role is Role.ADMIN and role_of(body.by) is Role.ADMIN


class _Kept(msgspec.Struct, frozen=True):
    """What outlives the daemon."""

    deployments: tuple[bytes, ...] = ()
    host_orders: tuple[bytes, ...] = ()


class Book:
    """All orders that were taken, and why others were not."""

    def __init__(self) -> None:
        self._deployments: dict[str, SignedOrder[Deployment]] = {}
        self._host_orders: dict[PublicKey, SignedOrder[HostOrder]] = {}
        self._refused: dict[str, str] = {}
        self.refused: Mapping[str, str] = MappingProxyType(self._refused)

    def deployments(self, now: float) -> dict[str, Deployment]:
        """What is to run; without what was taken away or has expired."""
        held = {app: one.body for app, one in self._deployments.items()}
        return {app: body for app, body in held.items() if not is_gone(body, now)}

    def all_deployments(self) -> dict[str, Deployment]:
        """The newest order about each app, also those that take one away."""
        return {app: one.body for app, one in self._deployments.items()}

    def deployment(self, app: str) -> SignedOrder[Deployment] | None:
        """The newest order about an app, also one that takes it away."""
        return self._deployments.get(app)

    def mode(self, host: PublicKey) -> Mode:
        """Whether a host takes work."""
        order = self._host_orders.get(host)
        return Mode.NORMAL if order is None else order.body.mode

    def host_order(self, host: PublicKey) -> SignedOrder[HostOrder] | None:
        """The newest order to a host."""
        return self._host_orders.get(host)

    def offer(self, app: str, record: bytes, trust: Trust) -> str:
        """Take what the store has under an app's name; why not, or nothing."""
        held = self._deployments.get(app)
        try:
            signed = held if held is not None and held.record == record else read_deployment(record)
        except BadRecord as exc:
            return self._refuse(app, str(exc))
        fault = _fault(signed, held, trust)
        if signed.body.app != app:
            fault = f"it is of {signed.body.app}"
        if not fault and held is None and len(self._deployments) >= MOST:
            fault = f"there are {MOST} already"
        if fault:
            return self._refuse(app, fault)
        self._refused.pop(app, None)
        self._deployments[app] = signed
        return ""

    def offer_host(self, host: PublicKey, record: bytes, trust: Trust) -> str:
        """Take what the store has for a host; why not, or nothing."""
        place = f"orders/{host.hex()[:16]}"
        held = self._host_orders.get(host)
        try:
            signed = held if held is not None and held.record == record else read_host_order(record)
        except BadRecord as exc:
            return self._refuse(place, str(exc))
        fault = _fault(signed, held, trust, Role.ADMIN)
        if signed.body.host != host:
            fault = "it is of another host"
        if not fault and held is None and len(self._host_orders) >= MOST:
            fault = f"there are {MOST} already"
        if fault:
            return self._refuse(place, fault)
        self._refused.pop(place, None)
        self._host_orders[host] = signed
        return ""

    def keep_only(self, cluster: PublicKey) -> bool:
        """Forget the orders of another cluster, which this host has left; whether there were any."""
        others = [app for app, one in self._deployments.items() if one.body.cluster != cluster]
        strangers = [host for host, one in self._host_orders.items() if one.body.cluster != cluster]
        for app in others:
            del self._deployments[app]
        for host in strangers:
            del self._host_orders[host]
        return bool(others or strangers)

    def pardon(self, place: str) -> None:
        """What was refused there is there no more."""
        self._refused.pop(place, None)

    def _refuse(self, place: str, why: str) -> str:
        if place in self._refused or len(self._refused) < MOST:
            self._refused[place] = why
        return why

    # What outlives the daemon.

    def dump(self) -> bytes:
        """All that was taken."""
        return msgspec.msgpack.encode(
            _Kept(
                tuple(one.record for one in self._deployments.values()),
                tuple(one.record for one in self._host_orders.values()),
            )
        )

    def restore(self, data: bytes) -> list[str]:
        """What an earlier daemon had taken: it was believed then. What cannot be read, in words."""
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            return [str(exc)]
        faults = []
        for record in kept.deployments:
            try:
                deployment = read_deployment(record)
                self._deployments[deployment.body.app] = deployment
            except BadRecord as exc:
                faults.append(str(exc))
        for record in kept.host_orders:
            try:
                order = read_host_order(record)
                self._host_orders[order.body.host] = order
            except BadRecord as exc:
                faults.append(str(exc))
        return faults


def is_gone(body: Deployment, now: float) -> bool:
    """Whether it was taken away, or its time is over."""
    return body.gone or (body.expires > 0 and body.expires <= now)


def _fault(
    signed: SignedOrder[Deployment] | SignedOrder[HostOrder],
    held: SignedOrder[Deployment] | SignedOrder[HostOrder] | None,
    trust: Trust,
    needed: Role = Role.OPERATE,
) -> str:
    """Why a record is not taken; nothing when it is."""
    body = signed.body
    if body.cluster != trust.cluster:
        return "it is of another cluster"
    if held is not None and held.record == signed.record:
        return ""
    if not trust.believes(body.by, needed):
        may = "operate" if needed is Role.OPERATE else "operate hosts"
        return f"its signer {body.by.hex()[:16]} may not {may} here"
    if held is not None and body.version < held.body.version:
        return f"its version {body.version} is older than {held.body.version}, which was seen"
    tied = held is not None and body.version == held.body.version and trust.believes(held.body.by, needed)
    if held is not None and tied and signed.record > held.record:
        return f"another record has its version {body.version}, and holds"
    return ""


def following(held: SignedOrder[Deployment] | SignedOrder[HostOrder] | None) -> int:
    """The version of an order that follows this one.

    None is above the highest: there it holds if the signer of the other belongs no more.
    """
    return 1 if held is None else min(held.body.version + 1, VERSION_MAX)


def newest(orders: Iterable[SignedOrder[Deployment] | SignedOrder[HostOrder] | None]) -> int:
    """The highest version among some orders; 0 for none."""
    return max((order.body.version for order in orders if order is not None), default=0)
