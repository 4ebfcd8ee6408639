"""Homes that pair in one process, over loopback: each with a book of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from signal_bus.identity import Identity, draw
from tests.support.rosters import card_of
from viscript.cluster.book import Book
from viscript.cluster.model import SignedCard, sign_card
from viscript.cluster.pairing.addresses import own_addresses
from viscript.cluster.pairing.bymesh import Mesh, NoMesh
from viscript.cluster.pairing.code import Code
from viscript.cluster.pairing.invitations import Invitation
from viscript.cluster.pairing.inviting import Wish
from viscript.cluster.pairing.meeting import Meeting
from viscript.cluster.pairing.pairing import Pairing
from viscript.daemon.tasks import Tasks
from viscript.store.memory import Memory
from viscript.verbs.table import Role


@dataclass
class Clock:
    """Monotonic time that a test may push on."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class PairingHome:
    """What a daemon has of pairing, without the daemon."""

    book: Book
    pairing: Pairing
    clock: Clock = field(default_factory=Clock)

    @property
    def key(self) -> Identity:
        """Who it is."""
        return self.book.identity

    async def invite(self, role: Role = Role.VIEW, name: str = "") -> Invitation:
        """An invitation that leads to loopback."""
        return await self.pairing.inviting.invite(Wish(role=role, name=name, addresses=("127.0.0.1",)))

    async def join(self, code: Code | Invitation) -> Meeting:
        """Pair by a code until there are words."""
        return await self.pairing.joining.join(code.code if isinstance(code, Invitation) else code)

    async def meeting(self, invitation: Invitation) -> Meeting:
        """The meeting by an invitation, once it shows words."""
        found = await self.pairing.inviting.change_of(invitation)
        assert found is not None
        return found


@asynccontextmanager
async def pairing_home(
    folder: Path, label: str, mesh: Mesh | None = None, reached_at: Callable[[], list[str]] = own_addresses
) -> AsyncIterator[PairingHome]:
    """A new home that is called `label` until somebody calls it otherwise."""
    leads = mesh or NoMesh()
    folder.mkdir(exist_ok=True)
    memory = Memory(folder / "state.db")
    memory.open()
    identity, clock = Identity(draw()), Clock()
    try:
        async with Tasks() as tasks:
            book = Book(memory, identity, folder / "cluster.key")
            await book.open()

            def own_card() -> SignedCard:
                return sign_card(card_of(identity, addresses=("tcp://127.0.0.1:7791",)), identity)

            pairing = Pairing(
                book,
                label=lambda: label,
                own_card=own_card,
                run=tasks.run,
                now=clock,
                reached_at=reached_at,
                mesh=lambda: leads,
                door=str(folder / "joiners.sock"),
            )
            yield PairingHome(book, pairing, clock)
            pairing.close()
    finally:
        memory.close()


async def pair(inviter: PairingHome, joiner: PairingHome, role: Role = Role.VIEW, name: str = "") -> None:
    """All of it, both persons saying yes."""
    made = await inviter.invite(role, name)
    mine = await joiner.join(made)
    theirs = await inviter.meeting(made)
    inviter.pairing.approve(mine.words)
    joiner.pairing.approve(theirs.words)
    async with asyncio.timeout(20):
        await mine.result()
        await theirs.result()


async def until(true: Callable[[], object], deadline_s: float = 20.0) -> None:
    """Wait until it is so. Raises `TimeoutError`."""
    async with asyncio.timeout(deadline_s):
        while not true():
            await asyncio.sleep(0.01)
