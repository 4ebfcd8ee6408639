"""Messages of people: sent through the mailbox, and those that came, until they are listed.

The mailbox keeps what matters on disk; here is what was heard since this process began, bounded. What is
unread goes last, and first of whoever sent most: it stays in the mailbox, and comes with the next process.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from datetime import UTC, datetime
from typing import Any, Final

from components.mesh.delivery import State
from components.mesh.inbox import Message
from components.mesh.mailbox import Mailbox
from signal_bus.ids import PublicKey

KEPT: Final = 1000
Row = dict[str, Any]  # Any: plain data, as JSON has it


class Post:
    """The messages of one node, as `msg` shows them."""

    _mailbox: Mailbox

    def __init__(self, own: PublicKey) -> None:
        self._own = own
        self._rows: OrderedDict[bytes, Row] = OrderedDict()
        self._unread: dict[bytes, Message] = {}

    def use(self, mailbox: Mailbox) -> None:
        """The mailbox that `changed` hears of."""
        self._mailbox = mailbox

    async def run(self) -> None:
        """Take what comes, until cancelled."""
        while True:
            message = await self._mailbox.receive()
            text = message.message.decode(errors="replace")
            self._unread[message.id] = message
            self._keep(message.id, message.sender, self._own, State.DELIVERED, text, message.time_ms)

    async def send(self, receiver: PublicKey, text: str) -> Row:
        """Send a message, kept on our disk until its receiver signed for it. Raises `MeshError`."""
        id = await self._mailbox.send(receiver, text.encode())
        state = await self._mailbox.state(id)
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        return self._keep(id, self._own, receiver, state or State.QUEUED, text, now_ms)

    def changed(self, id: bytes, state: State) -> None:
        """A letter of ours came further."""
        row = self._rows.get(id)
        if row is not None:
            row["state"] = state.name.lower()

    async def list(self, peer: PublicKey | None) -> list[Row]:
        """What was sent and what came, oldest first; what came is read by that."""
        key = None if peer is None else peer.hex()
        rows = [row for row in self._rows.values() if key is None or key in (row["from"], row["to"])]
        for row in rows:
            message = self._unread.pop(bytes.fromhex(row["id"]), None)
            if message is not None:
                await self._mailbox.read(message)
                row["state"] = State.READ.name.lower()
        return rows

    def _keep(
        self, id: bytes, sender: PublicKey, receiver: PublicKey, state: State, text: str, time_ms: int
    ) -> Row:
        row = {
            "id": id.hex(),
            "time": datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds"),
            "from": sender.hex(),
            "to": receiver.hex(),
            "state": state.name.lower(),
            "text": text,
        }
        self._rows[id] = row
        if len(self._rows) > KEPT:
            self._forget_one(but=id)
        return row

    def _forget_one(self, but: bytes) -> None:
        known = next((id for id in self._rows if id not in self._unread and id != but), None)
        gone = self._oldest_of_the_loudest() if known is None else known
        del self._rows[gone]
        self._unread.pop(gone, None)

    def _oldest_of_the_loudest(self) -> bytes:
        senders = Counter(message.sender for message in self._unread.values())
        ((loudest, _),) = senders.most_common(1)
        return next(id for id, message in self._unread.items() if message.sender == loudest)
