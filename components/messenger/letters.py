"""Letters at the messenger: senders hand them over, receivers get them while they are here.

What a client was told is on the disk: a messenger killed at any moment loses nothing it answered for, and
what it did not answer is sent again. A receiver that does not sign for a letter gets it again later.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

import msgspec

from components.mesh.channel import ControlChannel, Method
from components.mesh.envelope import Receipt, open_receipt
from components.mesh.errors import Busy, MeshError, PeerError, RemoteError
from components.mesh.mail_wire import NOT_ALLOWED, Ask, Letters, Receipts, Store, Stored, Taken, Told
from components.mesh.relay_wire import BUSY
from components.mesh.session import Visitor
from components.mesh.writer import StoreError, Writer
from components.messenger import depot
from components.messenger.depot import Kept, Shares
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

SWEEP_S: Final = 3600.0
TAKE_S: Final = 20.0  # for a receiver to take one batch
AGAIN_S: Final = 30.0  # after a receiver did not sign for all it was given
IDLE_S: Final = 120.0  # a sender's session in which nothing is asked
MAX_SESSIONS: Final = 64  # of one key
TELL_S: Final = 1.0


class Post:
    """The letters of one messenger. `may` says whom it serves."""

    def __init__(
        self,
        writer: Writer,
        *,
        shares: Shares | None = None,
        may: Callable[[PublicKey], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.may = may
        self._writer = writer
        self._shares = shares or Shares()
        self._clock = clock
        self._sessions: defaultdict[PublicKey, set[ControlChannel]] = defaultdict(set)
        self._wake: dict[PublicKey, asyncio.Event] = {}

    def methods(self, peer: PublicKey) -> Mapping[str, Method]:
        """What a proven client may ask about letters."""

        async def store(body: Store) -> Stored:
            return await self._store(peer, body)

        async def ask(body: Ask) -> Told:
            return Told(*await self._writer.run(lambda db: depot.told(db, peer, body.ids)))

        async def receipts(body: Receipts) -> None:
            await self._receipted(peer, body.receipts)

        return {
            "store": Method(Store, store),
            "ask": Method(Ask, ask),
            "receipts": Method(Receipts, receipts),
        }

    async def door(self, visitor: Visitor) -> None:
        """Answer a session at port 1023, until nothing was asked in it for a while."""
        loop = asyncio.get_running_loop()
        if len(self._sessions.get(visitor.peer, ())) >= MAX_SESSIONS:
            await visitor.refuse(BUSY, f"you have {MAX_SESSIONS} sessions for letters already")
            return
        session = await visitor.accept()
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S) as idle:

                def used(method: Method) -> Method:
                    async def call(body: Any) -> msgspec.Struct | None:  # Any: of the method's type
                        if not idle.expired():
                            idle.reschedule(loop.time() + IDLE_S)
                        return await method.call(body)

                    return method._replace(call=call)

                methods = {name: used(method) for name, method in self.methods(visitor.peer).items()}
                async with ControlChannel(session, methods) as channel:
                    with self._known(channel):
                        await channel.ended.wait()

    async def serve(self, here: ControlChannel) -> None:
        """Give a client its letters while it is here."""
        wake = self._wake[here.peer] = asyncio.Event()
        with self._known(here):
            try:
                await self._deliver(here, wake)
            finally:
                if self._wake.get(here.peer) is wake:
                    del self._wake[here.peer]

    async def sweep_forever(self) -> None:
        """Drop what is too old, now and then."""
        while True:
            try:
                dropped = await self._writer.run(lambda db: depot.sweep(db, self._now_s()))
                log.info("swept letters=%d", dropped)
            except MeshError as exc:
                log.warning("could not sweep: %s", exc)
            await asyncio.sleep(SWEEP_S)

    async def totals(self) -> dict[bytes, tuple[int, int]]:
        """What is kept for each receiver: letters and bytes."""
        return await self._writer.run(depot.totals)

    async def _store(self, sender: PublicKey, body: Store) -> Stored:
        allowed = [each for each in body.letters if self.may(PublicKey(each.to))]
        codes = await self._writer.run(
            lambda db: depot.store(db, sender, allowed, self._shares, self._now_s())
        )
        for each in allowed:
            if wake := self._wake.get(PublicKey(each.to)):
                wake.set()
        told = dict(zip((each.id for each in allowed), codes, strict=True))
        return Stored(tuple(told.get(each.id, NOT_ALLOWED) for each in body.letters))

    async def _deliver(self, here: ControlChannel, wake: asyncio.Event) -> None:
        """Give batch after batch, oldest first; what was not signed for again after a while."""
        after, complete = 0, True
        while True:
            wake.clear()
            try:
                batch = await self._writer.run(partial(depot.letters_for, receiver=here.peer, after=after))
                if batch:
                    complete = await self._give(here, batch) and complete
                    after = batch[-1].number
                    continue
            except (StoreError, Busy) as exc:  # the client stays here for all else
                log.warning("letters of peer=%s wait: %s", here.peer.hex(), exc)
                complete = False
            try:
                async with asyncio.timeout(None if complete else AGAIN_S):
                    await wake.wait()
            except TimeoutError:
                after, complete = 0, True

    async def _give(self, here: ControlChannel, batch: Sequence[Kept]) -> bool:
        """Give one batch; whether nothing of it is left."""
        letters = Letters(tuple(kept.sealed for kept in batch))
        try:
            taken = await here.call("letters", letters, Taken, deadline_s=TAKE_S)
        except RemoteError as exc:
            log.info("letters were not taken peer=%s: %s", here.peer.hex(), exc)
            return False
        await self._receipted(here.peer, taken.receipts)
        refused = [batch[place].number for place in taken.refused if place < len(batch)]
        if refused:
            log.warning("dropped letters that peer=%s cannot open: %d", here.peer.hex(), len(refused))
            await self._writer.run(lambda db: depot.drop(db, here.peer, refused))
        return len(taken.receipts) + len(refused) >= len(batch)

    async def _receipted(self, receiver: PublicKey, receipts: Sequence[bytes]) -> None:
        """Note what a receiver signed, and tell the senders that are here."""
        opened = [(_checked(receiver, signed), signed) for signed in receipts]
        if not opened:
            return
        news = await self._writer.run(lambda db: depot.receipted(db, opened, self._now_s()))
        by_sender: defaultdict[PublicKey, list[bytes]] = defaultdict(list)
        for sender, signed in news:
            by_sender[sender].append(signed)
        for sender, signed_ones in by_sender.items():
            for session in tuple(self._sessions.get(sender, ())):
                try:
                    await session.tell("receipts", Receipts(tuple(signed_ones)), deadline_s=TELL_S)
                except MeshError as exc:  # it asks again when it comes back
                    session.end(f"it takes no receipts: {exc}")

    @contextmanager
    def _known(self, session: ControlChannel) -> Iterator[None]:
        """Tell this session of receipts."""
        sessions = self._sessions[session.peer]
        sessions.add(session)
        try:
            yield
        finally:
            sessions.discard(session)
            if not sessions and self._sessions.get(session.peer) is sessions:
                del self._sessions[session.peer]

    def _now_s(self) -> int:
        return int(self._clock())


def _checked(receiver: PublicKey, signed: bytes) -> Receipt:
    """A receipt that `receiver` signed. Raises `RemoteError` for what is none."""
    try:
        receipt = open_receipt(signed)
    except PeerError as exc:
        raise RemoteError("bad-receipt", str(exc)) from exc
    if receipt.receiver != receiver:
        raise RemoteError("bad-receipt", "it is another's")
    return receipt
