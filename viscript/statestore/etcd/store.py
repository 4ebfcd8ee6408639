"""etcd as a state store."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from viscript.statestore.access import Access
from viscript.statestore.api import (
    TIMEOUT_S,
    Batch,
    Capabilities,
    Compare,
    Get,
    Item,
    Lease,
    Member,
    Op,
    Put,
    Range,
    Standing,
    Txn,
)
from viscript.statestore.checking import check_ttl, check_txn, key_bytes, prefix_bytes
from viscript.statestore.derived import Deadline
from viscript.statestore.errors import BadUrl, Compacted, LeaseGone, StateStoreError, StoreAway, Unclear
from viscript.statestore.etcd.address import Address
from viscript.statestore.etcd.calls import Calls
from viscript.statestore.etcd.form import (
    Form,
    Garbled,
    LeaseReply,
    RangeReply,
    Revoked,
    StatusReply,
    Streamed,
    TxnReply,
    encode,
)
from viscript.statestore.etcd.members import Members
from viscript.statestore.etcd.verdict import Verdict
from viscript.statestore.etcd.watching import Watching
from viscript.statestore.etcd.wire import MemberFault, Wire

PAGE: Final = 200  # items of a range asked for at once
RANGE_MAX: Final = 64 << 20  # bytes; more of one prefix is nothing that we wrote
MIN_TTL_S: Final = 2  # with etcd's own election timeout


class EtcdStore:
    """Implements `StateStore`; made where an event loop runs."""

    def __init__(self, address: Address, access: Access) -> None:
        self._form = Form(address.prefix)
        self._wire = Wire(tls_of(access))
        self._members = Members(address.members)
        self._calls = Calls(self._members, self._wire, access.user, access.password)

    async def get(self, key: str, *, timeout: float = TIMEOUT_S) -> Item | None:
        """The item, or None."""
        key_bytes(key)
        body = {"key": self._form.key(key)}
        reply = await self._calls.ask("kv/range", body, RangeReply, timeout=timeout, repeat=True)
        found = self._items(reply)
        return found[0] if found else None

    async def range(self, prefix: str, *, timeout: float = TIMEOUT_S) -> Range:
        """Every item of the prefix, page by page at one revision."""
        prefix_bytes(prefix)
        deadline = Deadline(timeout)
        while True:
            try:
                return await self._pages(prefix, deadline)
            except Compacted as exc:  # the history went while we read: from the beginning
                await deadline.pause(StoreAway(f"etcd drops its history faster than it is read: {exc}"))

    async def _pages(self, prefix: str, deadline: Deadline) -> Range:
        items: list[Item] = []
        revision, size, after = 0, 0, b""
        while True:
            body = self._form.page(prefix, after, PAGE, revision)
            reply = await self._calls.ask("kv/range", body, RangeReply, timeout=deadline.left(), repeat=True)
            revision = revision or reply.header.revision
            items += self._items(reply)
            size += sum(len(one.key) + len(one.value) for one in reply.kvs)
            if size > RANGE_MAX:
                raise StoreAway(f"etcd: more than {RANGE_MAX} bytes lie under {prefix}: what writes there?")
            if not reply.more or not reply.kvs:
                return Range(revision, tuple(items))
            after = reply.kvs[-1].key

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """Carry out `then` if every comparison holds, else `otherwise`."""
        check_txn(compare, then, otherwise)
        reads = all(isinstance(one, Get) for one in (*then, *otherwise))
        body = self._form.txn(compare, then, otherwise)
        try:
            reply = await self._calls.ask("kv/txn", body, TxnReply, timeout=timeout, repeat=reads)
        except LeaseGone as exc:
            named = {one.lease for one in (*then, *otherwise) if isinstance(one, Put) and one.lease}
            raise LeaseGone(named.pop() if len(named) == 1 else 0) from exc
        try:
            return self._form.txn_done(reply, then, otherwise)
        except Garbled as exc:
            raise (StoreAway if reads else Unclear)(f"etcd: {exc}") from exc

    async def lease(self, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """A new lease. Its number is ours, so that asking twice makes one."""
        check_ttl(ttl_s)
        number = secrets.randbits(62) + 1
        deadline = Deadline(timeout)
        try:
            reply = await self._calls.ask(
                "lease/grant",
                {"ID": str(number), "TTL": str(ttl_s)},
                LeaseReply,
                timeout=deadline.left(),
                repeat=True,
            )
        except MemberFault as fault:
            if fault.verdict is not Verdict.EXISTS:
                raise
            return Lease(number, await self.keepalive(number, timeout=deadline.left()))
        if reply.id != number or reply.ttl <= 0:
            raise StoreAway("etcd: another lease was granted than was asked for")
        return Lease(number, reply.ttl)

    async def keepalive(self, lease: int, *, timeout: float = TIMEOUT_S) -> int:
        """Begin its time anew."""
        reply = await self._calls.ask(
            "lease/keepalive", {"ID": str(lease)}, Streamed, timeout=timeout, repeat=True
        )
        if reply.result.ttl <= 0:
            raise LeaseGone(lease)
        return reply.result.ttl

    async def revoke(self, lease: int, *, timeout: float = TIMEOUT_S) -> None:
        """End it now."""
        try:
            await self._calls.ask("lease/revoke", {"ID": str(lease)}, Revoked, timeout=timeout, repeat=True)
        except LeaseGone:
            return

    async def watch(
        self, prefix: str, from_revision: int, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Batch, None]:
        """Every change from that revision on."""
        prefix_bytes(prefix)
        watching = Watching(self._calls, self._wire, self._form, prefix, from_revision)
        async with aclosing(watching.run(timeout)) as batches:
            async for batch in batches:
                yield batch

    def capabilities(self) -> Capabilities:
        """Several hosts, and with three members one of them may be lost."""
        return Capabilities(
            engine="etcd",
            linearizable=True,
            several_hosts=True,
            survives_a_host=len(self._members.names) >= 3,
            min_ttl_s=MIN_TTL_S,
        )

    async def look(self, *, timeout: float = TIMEOUT_S) -> Standing:
        """Every member by itself, and whether a read with the consent of the others is answered."""
        asked = asyncio.gather(*(self._member(name, timeout) for name in self._members.names))
        fault, members = await asyncio.gather(self._fault(timeout), asked)
        if fault is not None:
            return Standing(False, str(fault), tuple(members))
        well = sum(member.ok for member in members)
        return Standing(True, f"etcd, {well} of {len(members)} members answer", tuple(members))

    async def _fault(self, timeout: float) -> StateStoreError | None:
        """What is in the way of a read; None when nothing is."""
        try:
            await self.get("look", timeout=timeout)
        except StateStoreError as exc:
            return exc
        return None

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.close()

    async def _member(self, name: str, timeout: float) -> Member:
        begun = time.monotonic()
        try:
            raw = encode({})
            status = await self._calls.ask_one(name, "maintenance/status", raw, StatusReply, timeout)
        except MemberFault as fault:
            if fault.verdict in (Verdict.REFUSED, Verdict.TOKEN):
                return Member(name, False, f"it refuses us: {fault.text}")
            return Member(name, False, fault.text)
        led = str(status.leader) == str(status.header.get("member_id", ""))
        role = "leader" if led else "follower" if status.leader else "it knows no leader"
        took = (time.monotonic() - begun) * 1000
        return Member(name, bool(status.leader), f"version {status.version}, {role}, {took:.0f} ms")

    def _items(self, reply: RangeReply) -> list[Item]:
        try:
            return self._form.items(reply.kvs)
        except Garbled as exc:
            raise StoreAway(f"etcd: {exc}") from exc


def tls_of(access: Access) -> ssl.SSLContext | None:
    """What to trust and to show; None without TLS. Raises `BadUrl`."""
    if not (access.tls or access.ca or access.cert or access.key):
        return None
    if bool(access.cert) is not bool(access.key):
        raise BadUrl("store.tls: cert and key belong together")
    try:
        context = ssl.create_default_context(cafile=access.ca or None)
        if access.cert:
            context.load_cert_chain(access.cert, access.key)
    except (OSError, ssl.SSLError) as exc:
        named = ", ".join(name for name in (access.ca, access.cert, access.key) if name)
        raise BadUrl(f"store.tls: {named}: {exc.strerror or exc}") from exc
    return context
