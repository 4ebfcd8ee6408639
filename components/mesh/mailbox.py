"""A client's letters: to receivers who may be away, from senders who may be gone.

At least once on the way, once in the store, in the order of each sender.

    async with Mailbox(identity, path, find) as mailbox:
        relay = Relay(identity, doors, messengers, methods=mailbox.methods)
        mailbox.use(relay); tasks.create_task(mailbox.run())
        id = await mailbox.send(receiver, b"..")    on our disk; `state(id)`, `changed` tell how far it came
        message = await mailbox.receive()           the next unread one
        await mailbox.read(message)                 not given again; its sender hears of it

`find` names the messengers where a key is present. A letter is tried until its receiver has signed for it, or
14 days have passed. That it was read is heard while we are present at the same messenger, or in the next
round to the same receiver. A program killed after `receive` and before `read` gets the message again.
"""

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Self

from components.mesh import envelope, inbox, outbox
from components.mesh.channel import ControlChannel, Method, Nothing
from components.mesh.delivery import Event, State
from components.mesh.envelope import ID_BYTES, Letter, Mark, Receipt, open_letter, open_receipt
from components.mesh.errors import MeshError, PeerError, Unreachable
from components.mesh.inbox import Message
from components.mesh.mail_ports import PEOPLE, address
from components.mesh.mail_wire import (
    MAX_LETTERS,
    Ask,
    Letters,
    Posted,
    Receipts,
    Store,
    Stored,
    Taken,
    Told,
    unpack,
)
from components.mesh.ports import MeshPort
from components.mesh.relay import Relay
from components.mesh.roster import Messenger
from components.mesh.session import dial
from components.mesh.writer import Writer
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

SCHEMA: Final = inbox.SCHEMA + outbox.SCHEMA
MAX_COURIERS: Final = 16  # receivers served at once
SWEEP_S: Final = 3600.0

Find = Callable[[PublicKey], Awaitable[Sequence[Messenger]]]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long a sender's session stays for receipts, and when one tries again (doubling up to the last)."""

    linger_s: float = 60.0
    again_s: float = 5.0
    longest_s: float = 1800.0


@dataclass
class _Hole:
    """Where the messages for one port are taken."""

    given: int = 0  # the turn of the last one
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Mailbox:
    """One client's letters in one file."""

    def __init__(
        self,
        identity: Identity,
        path: Path,
        find: Find,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
        changed: Callable[[bytes, State], None] = lambda _id, _state: None,
    ) -> None:
        """`changed` hears of each new state of a letter of ours."""
        self._identity = identity
        self._writer = Writer(path, SCHEMA)
        self._find = find
        self._pace = pace or Pace()
        self._clock = clock
        self._changed = changed
        self._relay: Relay | None = None
        self._holes: defaultdict[int, _Hole] = defaultdict(_Hole)
        self._wake = asyncio.Event()
        self._couriers: dict[PublicKey, asyncio.Event] = {}
        self._failures: dict[PublicKey, int] = {}
        self._due: dict[PublicKey, float] = {}

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._writer.__aexit__(None, None, None)

    def use(self, relay: Relay) -> None:
        """Hand what senders are owed to the messengers where this relay is present."""
        self._relay = relay

    # For the program.

    async def send(
        self, receiver: PublicKey, message: bytes, *, port: int = PEOPLE, id: bytes | None = None
    ) -> bytes:
        """Keep a message for `receiver` on our disk, and send it; its id. A known id is no new one.

        `port` is that of an app there. Raises `CallerError` (too long), `BadKey`, `Busy` or `StoreError`.
        """
        body = address(port, message)
        id_ = id or secrets.token_bytes(ID_BYTES)
        now = self._now_ms()
        await self._writer.run(lambda db: outbox.add(db, self._identity, receiver, body, id_, now))
        self._due.pop(receiver, None)
        self._stir(receiver)
        return id_

    async def state(self, id_: bytes) -> State | None:
        """How far a letter of ours came; None for one that is not known (any more)."""
        return await self._writer.run(lambda db: outbox.state(db, id_))

    async def receive(self, port: int = PEOPLE) -> Message:
        """The next message for a port, once there is one. This object gives each once."""
        hole = self._holes[port]
        while True:
            hole.came.clear()
            behind = partial(inbox.unread, after=hole.given, limit=1, port=port)
            if messages := await self._writer.run(behind):
                hole.given = messages[0].turn
                return messages[0]
            await hole.came.wait()

    def rewind(self, port: int) -> None:
        """Give what was not read to another reader of this port, from the first."""
        self._holes[port].given = 0

    async def read(self, message: Message) -> None:
        """Note that a message was read."""
        now = self._now_ms()
        letter = Letter(message.sender, self._identity.public_key, message.id, message.time_ms, b"")
        signed = envelope.receipt(self._identity, letter, Mark.READ, time_ms=now)
        if await self._writer.run(lambda db: inbox.read(db, message.sender, message.id, signed, now)):
            self._wake.set()

    # From messengers.

    def methods(self, messenger: Messenger) -> Mapping[str, Method]:
        """What a messenger asks on a presence session: for a `Relay`."""

        async def letters(body: Letters) -> Taken:
            return await self._take(messenger, body.letters)

        return {"letters": Method(Letters, letters), **self._hearing()}

    def _hearing(self) -> Mapping[str, Method]:
        async def receipts(body: Receipts) -> None:
            await self._receipted(body.receipts)

        return {"receipts": Method(Receipts, receipts)}

    async def _take(self, messenger: Messenger, letters: Sequence[bytes]) -> Taken:
        """Keep letters, then sign for them."""
        opened, refused = [], []
        for place, sealed in enumerate(letters):
            try:
                letter = open_letter(self._identity, sealed)
                opened.append((letter, unpack(letter.body)))
            except PeerError as exc:
                log.warning("a letter cannot be opened messenger=%s: %s", messenger.key.hex(), exc)
                refused.append(place)
        now = self._now_ms()
        marks = await self._writer.run(
            lambda db: [inbox.take(db, letter, body, messenger.key, now) for letter, body in opened]
        )
        self._stir_readers()
        receipts = (
            envelope.receipt(self._identity, letter, mark, time_ms=now)
            for (letter, _), mark in zip(opened, marks, strict=True)
            if mark is not None
        )
        return Taken(tuple(receipts), tuple(refused))

    async def _receipted(self, signed: Iterable[bytes]) -> None:
        """Note how far letters came, where the receiver itself says so."""
        receipts: list[Receipt] = []
        for one in signed:
            try:
                receipts.append(open_receipt(one))
            except PeerError as exc:
                log.warning("a receipt does not hold: %s", exc)
        key = self._identity.public_key
        self._tell(await self._writer.run(lambda db: outbox.receipted(db, key, receipts)))
        for receipt in receipts:
            if courier := self._couriers.get(receipt.receiver):
                courier.set()

    # To messengers.

    async def run(self) -> None:
        """Bring letters on their way, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep_forever())
            while True:
                self._wake.clear()
                for receiver in await self._ready():
                    self._couriers[receiver] = asyncio.Event()
                    tasks.create_task(self._courier(receiver))
                await self._pay()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_s()):
                        await self._wake.wait()

    async def _ready(self) -> list[PublicKey]:
        """To whom something is to be sent, and nobody is on the way."""
        now = asyncio.get_running_loop().time()
        with suppress(MeshError):
            waiting = await self._writer.run(outbox.waiting)
            self._due = {key: self._due.get(key, now) for key in waiting}
        room = MAX_COURIERS - len(self._couriers)
        ready = [key for key, due in self._due.items() if due <= now and key not in self._couriers]
        return ready[: max(room, 0)]

    def _rest_s(self) -> float | None:
        now = asyncio.get_running_loop().time()
        dues = [due for key, due in self._due.items() if key not in self._couriers]
        if len(self._couriers) >= MAX_COURIERS or not dues:
            return self._pace.longest_s
        return max(min(dues) - now, 0.0)

    async def _courier(self, receiver: PublicKey) -> None:
        """One round for one receiver."""
        done = False
        try:
            await self._round(receiver)
            done = True
        except MeshError as exc:
            log.info("letters wait to=%s: %s", receiver.hex(), exc)
        except Exception:  # a bug in one round must not stop the others
            log.exception("letters to=%s failed", receiver.hex())
        finally:
            more = self._couriers.pop(receiver).is_set() and done
            failures = self._failures[receiver] = 0 if done else self._failures.get(receiver, 0) + 1
            rest_s = self._pace.longest_s if done else self._pace.again_s * 2 ** min(failures, 16)
            rest_s = 0.0 if more else min(rest_s, self._pace.longest_s)
            self._due[receiver] = asyncio.get_running_loop().time() + rest_s
            self._wake.set()

    async def _round(self, receiver: PublicKey) -> None:
        """Hand over all letters to the first messenger that takes them. Raises the last one's error."""
        last: MeshError = Unreachable(receiver.hex(), "no messenger is known for it")
        for messenger in await self._find(receiver):
            try:
                async with self._session(messenger) as channel:
                    await self._hand_over(channel, messenger.key, receiver)
                return
            except MeshError as exc:
                last = exc
        raise last

    @asynccontextmanager
    async def _session(self, messenger: Messenger) -> AsyncIterator[ControlChannel]:
        session = await dial(messenger.address, self._identity, messenger.key, MeshPort.MAIL)
        async with ControlChannel(session, self._hearing()) as channel:
            yield channel

    async def _hand_over(self, channel: ControlChannel, messenger: PublicKey, receiver: PublicKey) -> None:
        """Ask about what the messenger keeps, store the rest, and stay a while for receipts and more."""
        turn = self._couriers[receiver]
        await self._ask(channel, messenger, receiver)
        while True:
            turn.clear()
            await self._store(channel, messenger, receiver)
            if not await self._writer.run(
                partial(outbox.open_letters, receiver=receiver, messenger=messenger, kept=True)
            ):
                return
            try:
                async with asyncio.timeout(self._pace.linger_s):
                    await turn.wait()
            except TimeoutError:
                return

    async def _ask(self, channel: ControlChannel, messenger: PublicKey, receiver: PublicKey) -> None:
        behind = 0
        while batch := await self._writer.run(
            partial(outbox.open_letters, receiver=receiver, messenger=messenger, kept=True, behind=behind)
        ):
            behind = batch[-1].number
            told = await channel.call("ask", Ask(tuple(each.id for each in batch)), Told)
            await self._receipted(told.receipts)
            await self._happened(told.unknown, Event.UNKNOWN)
        delivered = await self._writer.run(partial(outbox.delivered, receiver=receiver, messenger=messenger))
        if delivered:
            await self._receipted((await channel.call("ask", Ask(delivered), Told)).receipts)

    async def _store(self, channel: ControlChannel, messenger: PublicKey, receiver: PublicKey) -> None:
        while batch := await self._writer.run(
            partial(outbox.open_letters, receiver=receiver, messenger=messenger, kept=False)
        ):
            ids = [each.id for each in batch]
            await self._happened(ids, Event.HANDED)
            letters = Store(tuple(Posted(receiver, each.id, each.letter) for each in batch))
            try:
                stored = await channel.call("store", letters, Stored)
            except MeshError:
                await self._happened(ids, Event.FAILED)
                raise
            codes = dict(zip(ids, stored.codes, strict=False))
            await self._happened((id_ for id_ in ids if codes.get(id_) == ""), Event.KEPT, messenger)
            refused = [id_ for id_ in ids if codes.get(id_) != ""]
            if refused:
                await self._happened(refused, Event.FAILED)
                raise Unreachable(receiver.hex(), f"the messenger says {codes.get(refused[0], 'nothing')}")

    async def _pay(self) -> None:
        """Hand over what senders are owed, where we are present."""
        for messenger, channel in tuple(self._relay.present.items()) if self._relay else ():
            try:
                while owed := await self._writer.run(
                    partial(inbox.owed, messenger=messenger.key, limit=MAX_LETTERS)
                ):
                    await channel.call("receipts", Receipts(tuple(owed)), Nothing)
                    await self._writer.run(partial(inbox.paid, messenger=messenger.key, receipts=owed))
            except MeshError as exc:
                log.info("receipts wait messenger=%s: %s", messenger.key.hex(), exc)

    async def _sweep_forever(self) -> None:
        while True:
            now = self._now_ms()
            try:
                await self._writer.run(partial(inbox.sweep, now_ms=now))
                self._tell(await self._writer.run(partial(outbox.sweep, now_ms=now)))
            except MeshError as exc:
                log.warning("could not sweep letters: %s", exc)
            self._stir_readers()
            await asyncio.sleep(SWEEP_S)

    async def _happened(self, ids: Iterable[bytes], event: Event, messenger: PublicKey | None = None) -> None:
        listed = tuple(ids)
        if listed:
            self._tell(await self._writer.run(lambda db: outbox.happened(db, listed, event, messenger)))

    def _tell(self, changes: Iterable[tuple[bytes, State]]) -> None:
        for id_, state in changes:
            self._changed(id_, state)

    def _stir_readers(self) -> None:
        """Something may have come."""
        for hole in self._holes.values():
            hole.came.set()

    def _stir(self, receiver: PublicKey) -> None:
        """Something new is to be sent to `receiver`."""
        if courier := self._couriers.get(receiver):
            courier.set()
        else:
            self._wake.set()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
