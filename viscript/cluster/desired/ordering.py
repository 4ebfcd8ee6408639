"""Gives orders to the cluster: signed by this host's key, written by compare-and-set, so that none is lost.

Every order builds on the newest there is, in the store or seen here before, and has the next version.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import DESIRED, ORDERS, host_key
from viscript.cluster.desired.record import (
    Deployment,
    HostOrder,
    Mode,
    SignedOrder,
    sign_deployment,
    sign_host_order,
)
from viscript.cluster.desired.side import DesiredSide
from viscript.cluster.desired.trust import Trust, following
from viscript.errors import ViscriptError
from viscript.statestore.api import Item, Put, unchanged
from viscript.statestore.derived import Writes

TRIES: Final = 5
SECONDS: Final = 5.0
ALONE: Final = "this host belongs to no cluster; `host invite` begins one, `host join` joins one"


class CannotOrder(ViscriptError):
    """This host may not, or there is nothing such to order about."""

    def __init__(self, text: str, *, denied: bool = False) -> None:
        super().__init__(text)
        self.denied = denied


class Ordering:
    """Signs and writes. Every call raises `CannotOrder`, `BadRecord` or `StateStoreError`."""

    def __init__(self, side: DesiredSide, identity: Identity, clock: Callable[[], float] = time.time) -> None:
        self._side = side
        self._identity = identity
        self._clock = clock

    async def deploy(self, app: str, **fields: Any) -> Deployment:  # Any: the fields of a Deployment
        """Have an app run from now on as these fields say, all others as for a new one."""
        return await self._change(app, lambda _: fields)

    async def change(self, app: str, **fields: Any) -> Deployment:  # Any: the fields of a Deployment
        """Change what was deployed."""
        return await self._change(app, lambda held: {**_fields(_existing(app, held)), **fields})

    async def remove(self, app: str) -> Deployment:
        """Take an app away."""
        return await self.change(app, gone=True)

    async def restart(self, app: str) -> Deployment:
        """Have every instance started anew, one after the other."""

        def again(held: Deployment | None) -> dict[str, Any]:  # Any: the fields of a Deployment
            fields = _fields(_existing(app, held))
            return {**fields, "restarts": int(fields["restarts"]) + 1}

        return await self._change(app, again)

    async def move(self, app: str, number: int, host: PublicKey) -> Deployment:
        """Have one instance run on that host."""

        def pinned(held: Deployment | None) -> dict[str, Any]:  # Any: the fields of a Deployment
            fields = _fields(_existing(app, held))
            return {**fields, "pins": {**fields["pins"], number: host}}

        return await self._change(app, pinned)

    async def host(self, host: PublicKey, mode: Mode) -> HostOrder:
        """Have a host take work, take none, or give up what it has."""
        trust, key = self._allowed(), host_key(ORDERS, host)
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

    async def _change(self, app: str, fields_of: Callable[[Deployment | None], dict[str, Any]]) -> Deployment:
        trust, key = self._allowed(), DESIRED + app
        for _ in range(TRIES):
            item = await self._side.store.get(key, timeout=SECONDS)
            if item is not None:
                self._side.mirror.book.offer(app, item.value, trust)
            held = self._side.mirror.book.deployment(app)
            body = self._body(app, trust, held, fields_of(None if held is None else held.body))
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

    def _allowed(self) -> Trust:
        """Whom the cluster believes. Raises `CannotOrder` when this host is not among them."""
        trust = self._side.trust()
        if trust is None:
            raise CannotOrder(
                "this host belongs to no cluster; `host invite` begins one, `host join` joins one"
            )
        if not trust.believes(self._identity.public_key):
            raise CannotOrder(
                "the other hosts do not let this host's key operate: give the order on a host of an admin,"
                " or be invited with `host invite --role operate`",
                denied=True,
            )
        return trust


def _existing(app: str, held: Deployment | None) -> Deployment:
    if held is None or held.gone:
        raise CannotOrder(f"{app} is not deployed; `deploy ls` shows what is")
    return held


def _fields(body: Deployment) -> dict[str, Any]:  # Any: as in the record
    return msgspec.structs.asdict(body)
