"""One request to an engine: every member is tried within its time, and a token is got and renewed.

A request that may be repeated goes to the next member whatever became of it. A write is not repeated once it
may have been done: that is `Unclear`, and whoever asked has to look.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final, TypeVar

from viscript.statestore.errors import (
    Compacted,
    InvalidRequest,
    LeaseGone,
    Refused,
    StateStoreError,
    StoreAway,
    Unclear,
)
from viscript.statestore.etcd.form import Garbled, Json, TokenReply, decode, encode
from viscript.statestore.etcd.members import LEAST_S, Members, share
from viscript.statestore.etcd.verdict import Verdict
from viscript.statestore.etcd.wire import MemberFault, Wire

log = logging.getLogger(__name__)

T = TypeVar("T")
ROUND_PAUSE_S: Final = 0.1  # between two rounds through all members
TOKENS_A_CALL: Final = 2


class Calls:
    """Asks the members of one engine."""

    def __init__(self, members: Members, wire: Wire, user: str, password: str) -> None:
        self.members = members
        self._wire = wire
        self._user = user
        self._password = password
        self._token = ""
        self._no_auth = False
        self._since = time.monotonic()

    async def ask(self, path: str, body: Json, kind: type[T], *, timeout: float, repeat: bool) -> T:
        """The reply of the first member that answers. Raises as the contract says, and EXISTS as it is."""
        raw, end = encode(body), time.monotonic() + timeout
        renewed, enough, count = 0, 0.0, len(self.members.names)
        while True:
            for place, member in enumerate(self.members.order(time.monotonic())):
                left = end - time.monotonic()
                if left <= enough:
                    raise self.away(f"no answer within {timeout:g} s")
                given = share(left, count - place, timeout / count)
                try:
                    return await self.ask_one(member, path, raw, kind, given)
                except MemberFault as fault:
                    if fault.verdict is Verdict.TOKEN and renewed < TOKENS_A_CALL:
                        renewed += 1
                        self._token = ""
                        continue
                    self._settle(member, fault, repeat=repeat)
            enough = LEAST_S  # a shorter try would only hide what was in the way before
            await asyncio.sleep(min(ROUND_PAUSE_S, max(end - time.monotonic(), 0)))

    async def ask_one(self, member: str, path: str, raw: bytes, kind: type[T], timeout: float) -> T:
        """The reply of that member. Raises `MemberFault`."""
        end = time.monotonic() + timeout
        token = await self.token(member, timeout)
        answer = await self._wire.ask(member, path, raw, token, max(end - time.monotonic(), 0.01))
        try:
            reply = decode(answer, kind)
        except Garbled as exc:
            raise MemberFault(Verdict.UNSURE, str(exc)) from exc
        self.members.good(member, time.monotonic())
        return reply

    async def token(self, member: str, timeout: float) -> str:
        """The token to show; empty where no user is asked for. Raises `MemberFault`."""
        if not self._user or self._token or self._no_auth:
            return self._token
        body = encode({"name": self._user, "password": self._password})
        try:
            raw = await self._wire.ask(member, "auth/authenticate", body, "", timeout)
            self._token = decode(raw, TokenReply).token
        except Garbled as exc:
            raise MemberFault(Verdict.ANOTHER, str(exc)) from exc
        except MemberFault as fault:
            if fault.verdict is Verdict.NO_AUTH:
                log.warning("this etcd asks for no user: everybody who reaches it may write")
                self._no_auth = True
                return ""
            if fault.verdict is Verdict.UNSURE:  # nothing of ours was sent yet
                raise MemberFault(Verdict.ANOTHER, fault.text) from fault
            raise
        return self._token

    def forget_token(self) -> None:
        """Have another got with the next request."""
        self._token = ""

    def away(self, why: str) -> StoreAway:
        """Nobody answered: for how long, and what was in the way of each."""
        faults = self.members.faults
        tried = tuple(f"{name}: {faults[name]}" for name in self.members.names if name in faults)
        text = f"etcd is away ({'; '.join(tried) or why})"
        return StoreAway(text, for_s=self.members.away_s(time.monotonic(), self._since), tried=tried)

    def _settle(self, member: str, fault: MemberFault, *, repeat: bool) -> None:
        """Return when another member may be tried; else raise what it is."""
        named = f"{member}: {fault.text}"
        refused = self.refusal(fault, named)
        if refused is not None:
            self.members.good(member, time.monotonic())
            raise refused from fault
        if fault.verdict is Verdict.EXISTS:
            raise fault
        self.members.bad(member, time.monotonic(), fault.text)
        if fault.verdict is Verdict.UNSURE and not repeat:
            raise Unclear(f"etcd: {named}; it may have been done") from fault

    def refusal(self, fault: MemberFault, named: str) -> StateStoreError | None:
        """The error for one that no other member would answer otherwise."""
        match fault.verdict:
            case Verdict.REFUSED | Verdict.TOKEN | Verdict.NO_AUTH:
                return Refused(f"etcd refuses us ({named})")
            case Verdict.LEASE:
                return LeaseGone(0)
            case Verdict.COMPACTED:
                return Compacted(0)
            case Verdict.FULL:
                return StoreAway(f"etcd takes no more writes ({named})", tried=(named,))
            case Verdict.BAD:
                return InvalidRequest(f"etcd does not understand ({named})")
            case _:
                return None
