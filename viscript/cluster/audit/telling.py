"""Tells the head of this host's audit to a few other hosts, which keep it.

A host that is told answers first with the head it keeps. One that does not fit to what the teller has on its
own disk is evidence: it is said, and no newer head is told over it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.comparing import Seen, difference
from viscript.cluster.audit.heads import BadHead, Head, read_head, sign_head
from viscript.cluster.audit.keeping import to_the_end
from viscript.cluster.links.api import HostLinks, HostState, Reach, Stream
from viscript.errors import ViscriptError
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
FANOUT: Final = 8  # hosts that are told
TRY_S: Final = 2.0

Broken = Callable[[str, str], None]  # label of a host, and what differs


class Telling:
    """`run()` it in a task while this host is in a cluster."""

    def __init__(
        self,
        audit: Audit,
        identity: Identity,
        links: Callable[[], HostLinks | None],
        *,
        broken: Broken = lambda label, reason: None,
    ) -> None:
        self._audit = audit
        self._identity = identity
        self._links = links
        self._broken = broken
        self._news = True  # whether there are entries since `_told` was looked at
        audit.listeners.append(self._hear)
        self._told: dict[PublicKey, int] = {}
        self._said: set[PublicKey] = set()

    async def run(self) -> None:
        """Tell what is new, for ever."""
        while True:
            await asyncio.sleep(EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 (spreads hosts in time)
            try:
                await self.tell()
            except StoreError as exc:
                log.warning("the head of the audit is not told: %s", exc)

    async def tell(self) -> None:
        """Tell each of a few hosts that does not know it yet. Raises `StoreError`."""
        links = self._links()
        hosts = [] if links is None else chosen(self._identity.public_key, links.hosts())
        if links is None or not (self._news or any(host.key not in self._told for host in hosts)):
            return
        self._news = False
        number, digest = await self._audit.end()
        record = sign_head(number, digest, now=time.time(), signer=self._identity) if number else b""
        for host in hosts:
            if self._told.get(host.key) == number:
                continue
            try:
                if await self._tell(links, host, record):
                    self._told[host.key] = number
            except (ViscriptError, TimeoutError) as exc:
                self._told.pop(host.key, None)  # as soon as it answers
                log.debug("host=%s: the head of the audit is not told: %s", host.label, exc)

    def _hear(self) -> None:
        self._news = True

    async def heads(self) -> list[tuple[str, Head | None]]:
        """What each of these hosts keeps of this one; those that do not answer are left out."""
        links = self._links()
        if links is None:
            return []
        hosts = chosen(self._identity.public_key, links.hosts())
        found = await asyncio.gather(*(self._ask(links, host) for host in hosts), return_exceptions=True)
        told: list[tuple[str, Head | None]] = []
        for host, answer in zip(hosts, found, strict=True):
            if isinstance(answer, Head | None):
                told.append((host.label, answer))
            elif not isinstance(answer, ViscriptError | TimeoutError):
                raise answer
        return told

    async def _ask(self, links: HostLinks, host: HostState) -> Head | None:
        async with self._asked(links, host) as (_, head):
            return head

    async def _tell(self, links: HostLinks, host: HostState, record: bytes) -> bool:
        """Whether it knows now; not where what it keeps does not fit."""
        async with self._asked(links, host) as (stream, head):
            if head is not None and not await self._fits(host, head):
                return False
            if record:
                await stream.write(record)
            stream.end()
            await to_the_end(stream)
            return True

    @asynccontextmanager
    async def _asked(self, links: HostLinks, host: HostState) -> AsyncIterator[tuple[Stream, Head | None]]:
        """The head that a host keeps of this one, and the stream to answer on."""
        async with asyncio.timeout(TRY_S):
            stream = await links.open(host.key, "audit", TRY_S)
            try:
                yield stream, await self._kept_by(stream)
            finally:
                await stream.close()

    async def _kept_by(self, stream: Stream) -> Head | None:
        data = b""
        while not data or len(data) <= data[0]:
            more = await stream.read()
            if not more:
                raise BadHead("the answer broke off")
            data += more
        return read_head(data[1 : 1 + data[0]], self._identity.public_key) if data[0] else None

    async def _fits(self, host: HostState, head: Head) -> bool:
        found = await difference(self._audit, {head.number: Seen(head.digest, host.label)})
        if found is None:
            self._said.discard(host.key)
            return True
        if host.key not in self._said:
            self._said.add(host.key)
            log.error("audit: entry=%d: %s", found.number, found.reason)
            self._broken(host.label, f"entry {found.number}: {found.reason}")
        return False


def chosen(me: PublicKey, hosts: Iterable[HostState]) -> list[HostState]:
    """The hosts that are told: of those that are up always the same ones."""
    up = [host for host in hosts if not host.local and host.state in (Reach.UP, Reach.PAUSED)]
    return sorted(up, key=lambda host: hashlib.sha256(me + host.key).digest())[:FANOUT]
