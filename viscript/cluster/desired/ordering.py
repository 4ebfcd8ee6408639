"""Gives orders to the cluster: signed by this host's key, written by compare-and-set, so that none is lost.

Every order builds on the newest there is, in the store or seen here before, and has the next version.

A signature of this host's key is never lent to who has less: what an order of a lower role carries along (a
program, an environment) is not taken over into one of ours, and who asks from another host with a lower role
than this host's has nothing carried along (decision 0177).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import DESIRED, ORDERS, host_key
from viscript.cluster.desired.place import parse
from viscript.cluster.desired.record import (
    Deployment,
    HostOrder,
    Mode,
    SignedOrder,
    sign_deployment,
    sign_host_order,
)
from viscript.cluster.desired.side import DesiredSide
from viscript.cluster.desired.trust import Trust, following, is_admins
from viscript.errors import ViscriptError
from viscript.statestore.api import Item, Put, unchanged
from viscript.statestore.derived import Writes
from viscript.verbs.table import Role

TRIES: Final = 5
SECONDS: Final = 5.0
NOTHING: Final[dict[str, Any]] = {
    "entry": b"",
    "env": {},
}  # Any: fields of an order
ALONE: Final = "this host belongs to no cluster; `host invite` begins one, `host join` joins one"

Fields = dict[str, Any]  # Any: the fields of a Deployment


class CannotOrder(ViscriptError):
    """This host may not, or there is nothing such to order about."""

    def __init__(self, text: str, *, denied: bool = False, unknown: bool = False) -> None:
        super().__init__(text)
        self.denied, self.unknown = denied, unknown


class _Stands(Exception):
    """Nothing is to be changed."""


def _given(fields: Fields | None) -> Fields:
    if fields is None:
        raise _Stands
    return fields


class Ordering:
    """Signs and writes. Every call raises `CannotOrder`, `BadRecord` or `StateStoreError`."""

    def __init__(
        self,
        side: DesiredSide,
        identity: Identity,
        clock: Callable[[], float] = time.time,
        *,
        asked_by: Role = Role.ADMIN,
    ) -> None:
        self._side = side
        self._identity = identity
        self._clock = clock
        self._asked_by = asked_by

    def asked_by(self, role: Role) -> Ordering:
        """The same, for a caller of this role."""
        return Ordering(self._side, self._identity, self._clock, asked_by=role)

    async def check(self, *, program: bool = False) -> None:
        """Raises `CannotOrder` for an order that would not count: before anything is ended for it.

        `program` is for an app that no other host knows by its name.
        """
        trust = self._allowed()
        whole = self._asked_by is Role.ADMIN and trust.believes(self._identity.public_key, Role.ADMIN)
        if program and not whole:
            text = "it was started by `run`: other hosts have no app of that name, and only an admin's order"
            raise CannotOrder(f"{text} brings its program along", denied=True)

    async def deploy(self, app: str, **fields: Any) -> Deployment:  # Any: the fields of a Deployment
        """Have an app run from now on as these fields say, all others as for a new one."""
        if self._asked_by is not Role.ADMIN:
            fields = {**fields, **NOTHING, "role": self._asked_by}  # each host runs its own app of that name
        return await self._change(app, lambda _held, _trust: fields)

    async def change(self, app: str, **fields: Any) -> Deployment:  # Any: the fields of a Deployment
        """Change what was deployed."""
        return await self._change(app, lambda held, trust: {**_fields(app, held, trust), **fields})

    async def remove(self, app: str) -> Deployment:
        """Take an app away."""

        def taken(held: Deployment | None, trust: Trust) -> Fields:
            del trust
            return {**msgspec.structs.asdict(_existing(app, held)), **NOTHING, "gone": True, "file": b""}

        return await self._change(app, taken)

    async def file(self, app: str, fields_of: Callable[[Deployment | None], Fields | None]) -> None:
        """Order what a file says, by what is held when it is written; None leaves it as it is."""
        try:
            await self._change(app, lambda held, _trust: _given(fields_of(held)))
        except _Stands:
            return

    async def restart(self, app: str) -> Deployment:
        """Have every instance started anew, one after the other."""

        def again(held: Deployment | None, trust: Trust) -> Fields:
            fields = _fields(app, held, trust)
            return {**fields, "restarts": int(fields["restarts"]) + 1}

        return await self._change(app, again)

    async def move(self, app: str, number: int, host: PublicKey) -> Deployment:
        """Have one instance run on that host; an app for one host alone is for that one from then on."""
        there = next((one for one in self._side.hosts() if one.key == host), None)

        def moved(held: Deployment | None, trust: Trust) -> Fields:
            fields = _fields(app, held, trust)
            if there is not None and not parse(fields["place"]).admits(there.label, there.labels):
                return _placed(fields, there.label)
            return {**fields, "pins": {**fields["pins"], number: host}}

        return await self._change(app, moved)

    async def host(self, host: PublicKey, mode: Mode) -> HostOrder:
        """Have a host take work, take none, or give up what it has."""
        trust, key = self._allowed(Role.ADMIN), host_key(ORDERS, host)
        for _ in range(TRIES):
            item = await self._side.store.get(key, timeout=SECONDS)
            if item is not None:
                self._side.mirror.book.offer_host(host, item.value, trust)
            held = self._side.mirror.book.host_order(host)
            body = HostOrder(
                cluster=trust.cluster,
                host=host,
                mode=mode,
                version=following(held),
                signed_at=self._clock(),
                by=self._identity.public_key,
            )
            record = sign_host_order(body, self._identity).record
            if await self._written(key, record, item):
                return body
        raise CannotOrder(f"somebody else gives orders to {host.hex()[:8]} at this moment; try again")

    async def _change(self, app: str, fields_of: Callable[[Deployment | None, Trust], Fields]) -> Deployment:
        trust, key = self._allowed(), DESIRED + app
        for _ in range(TRIES):
            item = await self._side.store.get(key, timeout=SECONDS)
            if item is not None:
                self._side.mirror.book.offer(app, item.value, trust)
            held = self._side.mirror.book.deployment(app)
            body = self._body(app, trust, held, fields_of(None if held is None else held.body, trust))
            if await self._written(key, sign_deployment(body, self._identity).record, item):
                return body
        raise CannotOrder(f"somebody else deploys {app} at this moment; try again")

    def _body(
        self, app: str, trust: Trust, held: SignedOrder[Deployment] | None, fields: dict[str, Any]
    ) -> Deployment:
        return Deployment(
            **{
                **fields,
                "cluster": trust.cluster,
                "app": app,
                "version": following(held),
                "signed_at": self._clock(),
                "by": self._identity.public_key,
            }
        )

    async def _written(self, key: str, record: bytes, item: Item | None) -> bool:
        """Whether nobody else was faster."""
        writes = Writes(self._side.store)
        done = await writes.txn((unchanged(key, item),), (Put(key, record),), timeout=SECONDS)
        if done.ok:
            self._side.mirror.written(key, record)
        return done.ok

    def _allowed(self, needed: Role = Role.OPERATE) -> Trust:
        """Whom the cluster believes. Raises `CannotOrder` when this host is not among them."""
        trust = self._side.trust()
        if trust is None:
            raise CannotOrder(
                "this host belongs to no cluster; `host invite` begins one, `host join` joins one"
            )
        if not trust.believes(self._identity.public_key, needed):
            raise CannotOrder(
                f"on the other hosts this host's key has less than the role {needed}: give the order on"
                f" a host of an admin, or be invited with `host invite --role {needed}`",
                denied=True,
            )
        return trust


def _existing(app: str, held: Deployment | None) -> Deployment:
    if held is None or held.gone:
        raise CannotOrder(f"{app} is not deployed; `deploy ls` shows what is", unknown=True)
    return held


def _placed(fields: Fields, label: str) -> Fields:
    """For another host than it was for. Raises `CannotOrder` where more than that would change. Pure."""
    app, place = fields["app"], fields["place"]
    if not parse(place).host or fields["count"] > 1:
        raise CannotOrder(f"{app} is for {place}, which {label} is not: `deploy` it with another --place")
    if fields["file"]:
        raise CannotOrder(f"the config.yaml of a host has {app} run on {place}: change it there, and `apply`")
    return {**fields, "place": label, "pins": {}}


def _fields(app: str, held: Deployment | None, trust: Trust) -> Fields:
    """What was deployed, no more than its signer might order. Raises `CannotOrder`."""
    body = _existing(app, held)
    if is_admins(body, trust.role_of):
        return msgspec.structs.asdict(body)
    if body.env:
        raise CannotOrder(
            f"{app} was ordered with an environment by {body.by.hex()[:8]}, who is no admin: `deploy` it anew"
        )
    return {**msgspec.structs.asdict(body), **NOTHING, "role": Role.OPERATE}
