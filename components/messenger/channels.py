"""Relayed connections: who wants one, who comes for it, and the bytes between them.

Each is two TCP connections of its own, so one that nobody reads stalls itself and nothing else.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from components.mesh import payloads
from components.mesh.channel import Nothing
from components.mesh.errors import Busy, MeshError, RemoteError, WireError
from components.mesh.relay_wire import (
    ABSENT,
    BAD_REQUEST,
    BUSY,
    NO_ANSWER,
    NO_SUCH_CALL,
    QUOTA,
    TOKEN_S,
    Incoming,
    Through,
)
from components.mesh.session import Session, Visitor
from components.messenger.crossing import Crossings, Waiting
from components.messenger.pipe import BUFFER_BYTES, Pipe
from components.messenger.presence import Presences
from components.messenger.quota import DayQuota
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

DAY_S: Final = 86_400


@dataclass(frozen=True, eq=False)
class Channel:
    """One relayed connection."""

    caller: PublicKey
    callee: PublicKey
    pipe: Pipe


class Channels:
    """All relayed connections, and the door to them. Bytes count for the key that asked."""

    def __init__(
        self,
        presences: Presences,
        quota: DayQuota,
        *,
        each: int,
        waiting_each: int,
        token_s: float = TOKEN_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.open: set[Channel] = set()
        self.quota = quota
        self._presences = presences
        self._crossings = Crossings(waiting_each)
        self._each = each
        self._token_s = token_s
        self._clock = clock
        self._of: Counter[PublicKey] = Counter()
        self._scratch = memoryview(bytearray(BUFFER_BYTES))

    def day(self) -> int:
        """Today, as the quota counts."""
        return int(self._clock() // DAY_S)

    async def door(self, visitor: Visitor) -> None:
        """Answer a session at port 1022."""
        try:
            wish = payloads.decode(visitor.args, Through)
        except WireError as exc:
            await visitor.refuse(BAD_REQUEST, str(exc))
            return
        if wish.to is not None and wish.token is None:
            await self._asked(visitor, PublicKey(wish.to))
        elif wish.token is not None and wish.to is None:
            await self._come(visitor, wish.token)
        else:
            await visitor.refuse(BAD_REQUEST, "either `to` or `token` is expected")

    def drop(self, key: PublicKey, why: str) -> None:
        """End all connections a key is part of."""
        for channel in self.open:
            if key in (channel.caller, channel.callee):
                channel.pipe.end(why)

    async def _come(self, visitor: Visitor, token: bytes) -> None:
        """The callee is here: its session is the caller's."""
        waiting = self._crossings.take(token, visitor.peer)
        if waiting is None:
            await visitor.refuse(NO_SUCH_CALL, "it was not given to you, was used, or is too old")
            return
        session = await visitor.accept()
        if waiting.met.done():  # the caller left while the callee was answered
            session.close()
        else:
            waiting.met.set_result(session)

    async def _asked(self, visitor: Visitor, callee: PublicKey) -> None:
        if self._of[visitor.peer] >= self._each:
            await visitor.refuse(BUSY, f"you have {self._each} connections here already")
        elif not self.quota.is_left(visitor.peer, self.day()):
            await visitor.refuse(QUOTA, "no bytes are left today")
        else:
            self._of[visitor.peer] += 1
            try:
                await self._meet(visitor, callee)
            finally:
                self._of[visitor.peer] -= 1
                self._of += Counter()  # forget those at zero

    async def _meet(self, visitor: Visitor, callee: PublicKey) -> None:
        """Have the callee come, join the two, and copy until they are done."""
        try:
            theirs = await self._called(visitor.peer, callee)
        except RemoteError as exc:
            await visitor.refuse(exc.code, exc.text)
            return
        try:
            ours = await visitor.accept()
        except BaseException:
            theirs.close()
            raise
        await self._copy(ours, theirs)

    async def _called(self, caller: PublicKey, callee: PublicKey) -> Session:
        """The callee's session. Raises `RemoteError` with what the caller is to be told."""
        present = self._presences.of(callee)
        if present is None:
            raise RemoteError(ABSENT, f"{callee.hex()} is not here")
        try:
            waiting = self._crossings.open(caller, callee)
        except Busy as exc:
            raise RemoteError(BUSY, str(exc)) from exc
        try:
            async with asyncio.timeout(self._token_s):
                await present.call("incoming", Incoming(waiting.token, caller), Nothing)
                return await waiting.met
        except TimeoutError as exc:
            raise RemoteError(NO_ANSWER, f"{callee.hex()} did not come within {self._token_s:g} s") from exc
        except MeshError as exc:
            raise RemoteError(NO_ANSWER, f"{callee.hex()} did not come: {exc}"[:512]) from exc
        finally:
            self._forget(waiting)

    def _forget(self, waiting: Waiting) -> None:
        self._crossings.close(waiting)
        waiting.met.cancel()  # as long as nobody came

    async def _copy(self, ours: Session, theirs: Session) -> None:
        caller = ours.peer
        pipe = Pipe(
            ours.socket,
            theirs.socket,
            lambda size: self.quota.take(caller, size, self.day()),
            self._scratch,
        )
        channel = Channel(caller, theirs.peer, pipe)
        self.open.add(channel)
        log.info("joined from=%s to=%s", caller.hex(), theirs.peer.hex())
        try:
            why = await pipe.run()
            log.info("parted from=%s to=%s bytes=%d %s", caller.hex(), theirs.peer.hex(), pipe.bytes, why)
        finally:
            self.open.discard(channel)
