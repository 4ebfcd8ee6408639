"""A node manager in this process, with a clock that tests set, and people who sign."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from components.mesh import entry, httpsign, transport
from components.mesh.entry import Client, NodeEntry
from components.mesh.forms import Status
from components.mesh.keys import hex66
from components.mesh.transport import SignedEntry, TransportType
from components.node_manager.desk import Desk
from components.node_manager.ledger import Ledger
from components.node_manager.nonces import first
from components.node_manager.plan import News, Plan
from components.node_manager.site import PARTS, Place, listening
from components.node_manager.store import Store
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey

START = 1_700_000_000.0


def person(number: int) -> Identity:
    """One of some people; their keys are usable ones."""
    seeds = itertools.count(number, 1_000)
    return Identity(draw(lambda size: next(seeds).to_bytes(size, "big")))


def link(one: Identity, other: Identity, kind: TransportType = TransportType.STCPR) -> SignedEntry:
    """A transport that both signed."""
    told = transport.entry_of(one.public_key, other.public_key, kind)
    return transport.signed(told, {each.public_key: transport.sign(told, each) for each in (one, other)})


def node(who: Identity, sequence: int = 0, **fields: Any) -> NodeEntry:
    """A node's signed entry."""
    told = NodeEntry(
        version="0.0.1",
        sequence=sequence,
        timestamp=1,
        static=hex66(who.public_key),
        **({"client": Client(())} | fields),
    )
    return entry.sign(told, who)


def down(signed: SignedEntry, **figures: int) -> Status:
    """What an edge says of a transport that broke."""
    return Status(t_id=signed.entry.t_id, is_up=False, **figures)


def ledger() -> Ledger:
    """An empty ledger."""
    made = Ledger()
    made.apply([first(START)])
    return made


def carried_out(book: Ledger, plan: Plan[Any]) -> Any:
    """The answer of a plan, once its changes hold."""
    book.apply(plan.changes)
    return plan.answer


@dataclass
class Manager:
    """Where it listens, its insides, and what it told."""

    desk: Desk
    news: list[News]
    now: float = START
    url: str = ""

    async def ask(
        self, method: str, target: str, data: object = None, *, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """One request: its status and its JSON."""
        if data is not None:
            body = msgspec.json.encode(data)
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        async with (
            asyncio.timeout(20),
            aiohttp.ClientSession() as session,
            session.request(method, self.url + target, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    async def due(self, key: PublicKey) -> int:
        """The number that is due."""
        status, answer = await self.ask("GET", f"/security/nonces/{key.hex()}")
        assert status == 200
        return int(answer["next_nonce"])

    async def signed(
        self, who: Identity, method: str, target: str, data: object = None, **more: Any
    ) -> tuple[int, Any]:
        """One signed request."""
        body = b"" if data is None else msgspec.json.encode(data)
        nonce = more.pop("nonce", None)
        number = await self.due(who.public_key) if nonce is None else nonce
        headers = httpsign.headers(who, number, method, target, body) | more
        return await self.ask(method, target, body=body or None, **headers)


@asynccontextmanager
async def managing(
    state: Path | None = None,
    *,
    only: Collection[str] = tuple(PARTS),
    allowed: frozenset[PublicKey] | None = None,
    store: Store | None = None,
) -> AsyncIterator[Manager]:
    """A node manager that listens inside the block."""
    news: list[News] = []
    clocks: list[Manager] = []
    desk = Desk(store or Store(state), lambda: clocks[0].now, news.append)
    clocks.append(Manager(desk, news))
    await desk.open()
    try:
        place = Place(host="127.0.0.1", port=0, allowed=allowed)
        async with listening(desk, place, only) as address:
            clocks[0].url = f"http://{address}"
            yield clocks[0]
    finally:
        await desk.close()
