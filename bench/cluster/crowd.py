"""Many simulated hosts in one process: `python -m bench.cluster.crowd FILE` holds as many as FILE says.

They connect to one real daemon over real sockets, each by a key of its own, tell it each second how they are,
and answer what it asks. All agree on the roster at once, as hosts that gossiped long ago.

    ["count"]               how many are connected, and how many notes of the daemon they had
    ["join", seed, label, record]   one more is let in: another tells of it, and it connects
    ["tell", record]        one of them tells the daemon of a record
    ["cards", version]      each says that its address is another, some at a time
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq

from bench.cluster.guest import Guest
from signal_bus.identity import Identity
from signal_bus.ids import CurveKey, PublicKey
from signal_bus.peers.messages import PeerRoster
from signal_bus.reactor import Socket
from viscript.cluster.links import gossip
from viscript.cluster.model import read_card, read_member
from viscript.cluster.roster import Roster
from viscript.daemon.descriptors import raise_file_limit

SLICES: Final = 50  # of a second: so many hosts in a row tell how they are
CARDS_PER_SLICE: Final = 2
PACE_S: Final = 0.005  # between two hosts that connect
SOCKETS_MAX: Final = 65_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a crowd is told: the daemon, the roster, and whose hosts it is."""

    endpoint: str
    daemon: bytes
    curve: bytes
    cluster: bytes
    members: list[bytes]
    seeds: list[bytes]
    labels: list[str]
    listens: list[str]  # where, of the first of them; the others dial
    apps: int = 4


class Shared:
    """The records that all hosts of the crowd hold."""

    def __init__(self, plan: Plan) -> None:
        self.cluster = PublicKey(plan.cluster)
        self._roster = Roster(self.cluster).merge(map(read_member, plan.members))
        self.digest = self._roster.digest
        self._seen: set[bytes] = set()
        self._ask_again_at = 0.0
        self._cards: list[bytes] = []

    def news(self, page: PeerRoster) -> None:
        """Take records that are new."""
        members = list(self._new(page.members))
        cards = list(self._new(page.cards))
        if members or cards:
            self._roster = self._roster.merge(map(read_member, members), map(read_card, cards))
            self.digest = self._roster.digest

    def answer(self, have: bytes) -> list[PeerRoster]:
        """The records that are not among those."""
        return list(gossip.answer(self._roster, have))

    def keep(self, card: bytes) -> None:
        """A card of one of them: the digest is the new one soon."""
        self._cards.append(card)

    def settle(self) -> None:
        """Take the cards there are."""
        cards, self._cards = self._cards, []
        self.news(PeerRoster(cards=tuple(cards)))

    def asks(self, digest: bytes) -> bool:
        """Whether one of them has to ask who holds this: one a second, whoever it is."""
        now = time.monotonic()
        if not digest or digest == self.digest or now < self._ask_again_at:
            return False
        self._ask_again_at = now + 1.0
        return True

    def question(self) -> PeerRoster:
        """What it asks."""
        return gossip.question(self._roster)

    def _new(self, records: Iterable[bytes]) -> Iterable[bytes]:
        for record in records:
            if record not in self._seen:
                self._seen.add(record)
                yield record


class Crowd:
    """All of them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        shared = self._shared = Shared(plan)
        self._unannounced: list[Guest] = []
        self._version = 1
        self._guests = [
            Guest(Identity(seed), label, shared, plan.apps)
            for seed, label in zip(plan.seeds, plan.labels, strict=True)
        ]
        self._context: zmq.Context[Socket] = zmq.Context()
        self._context.max_sockets = SOCKETS_MAX

    async def run(self) -> None:
        """Until stdin ends; a fault ends all of it, also while a thread waits for a line."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_forever())
                group.create_task(self._connect_forever(group))
                await self._listen()
                os._exit(0)
        except* Exception:  # noqa: BLE001 (the edge of the process)
            traceback.print_exc()
            os._exit(1)

    async def _connect_forever(self, group: asyncio.TaskGroup) -> None:
        number = 0
        while True:
            if number < len(self._guests):
                group.create_task(self._life(number))
                number += 1
            await asyncio.sleep(PACE_S)

    async def _life(self, number: int) -> None:
        plan, guest = self._plan, self._guests[number]
        daemon = PublicKey(plan.daemon)
        listens = plan.listens[number] if number < len(plan.listens) else ""
        if listens:
            await guest.listen(self._context, daemon, listens)
        else:
            await guest.run(self._context, daemon, CurveKey(plan.curve), plan.endpoint)

    async def _tell_forever(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for part in range(SLICES):
                for number in range(part, len(self._guests), SLICES):
                    self._guests[number].tell(number)
                for _ in range(CARDS_PER_SLICE):
                    if self._unannounced:
                        self._unannounced.pop().announce(self._version)
                self._shared.settle()
                due += 1 / SLICES
                await asyncio.sleep(max(0.0, due - loop.time()))

    async def _listen(self) -> None:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(self._told(json.loads(line))), flush=True)

    def _told(self, words: list[Any]) -> Any:  # Any: JSON
        if words[0] == "join":
            self._join(*words[1:])
        elif words[0] == "tell":
            self._say(words[1])
        elif words[0] == "cards":
            self._version = words[1]
            self._unannounced = list(self._guests)
        return {
            "connected": sum(guest.link is not None for guest in self._guests),
            "heard": sum(guest.heard for guest in self._guests),
        }

    def _join(self, seed: str, label: str, record: str) -> None:
        self._say(record)
        self._guests.append(Guest(Identity(bytes.fromhex(seed)), label, self._shared, self._plan.apps))

    def _say(self, record: str) -> None:
        page = PeerRoster(members=(bytes.fromhex(record),))
        self._shared.news(page)
        link = next(guest.link for guest in self._guests if guest.link is not None)
        link.say(page)


def main() -> None:
    """Hold the crowd of the file that the first word names, until stdin ends."""
    raise_file_limit()
    plan = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    crowd = Crowd(plan)
    gc.freeze()
    asyncio.run(crowd.run())


if __name__ == "__main__":
    main()
