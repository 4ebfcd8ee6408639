"""Requests and replies of etcd's JSON gateway. Pure; what is no such reply raises `Garbled`.

In JSON, bytes are base64 and numbers of 64 bits are text; fields that are zero are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from viscript.statestore.api import Batch, Compare, Delete, Event, Get, Item, Op, Put, Result, Txn
from viscript.statestore.checking import end_of

Json = dict[str, Any]  # Any: JSON
T = TypeVar("T")

ALL: Final = b"\0"  # as the end of a range: to the very end
_TARGETS: Final = {
    "value": "value",
    "created": "create_revision",
    "revision": "mod_revision",
    "lease": "lease",
}
_WORDS: Final = {"value": "VALUE", "created": "CREATE", "revision": "MOD", "lease": "LEASE"}
_SIGNS: Final = {"=": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}


class Garbled(Exception):
    """What came is no reply of etcd."""


class Header(msgspec.Struct):
    """What stands before every reply."""

    revision: int = 0


class KeyValue(msgspec.Struct):
    """One key as etcd has it."""

    key: bytes = b""
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    lease: int = 0


class RangeReply(msgspec.Struct):
    """Some items; `more` when the limit cut them short."""

    header: Header = msgspec.field(default_factory=Header)
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False


class DeleteReply(msgspec.Struct):
    """How many keys there were."""

    deleted: int = 0


class OneReply(msgspec.Struct):
    """The answer of one operation; exactly one of them is there."""

    response_range: RangeReply | None = None
    response_put: Json | None = None
    response_delete_range: DeleteReply | None = None


class TxnReply(msgspec.Struct):
    """The answer of a transaction."""

    header: Header
    succeeded: bool = False
    responses: tuple[OneReply, ...] = ()


class LeaseReply(msgspec.Struct):
    """The answer to a new lease, or to a keepalive; no time when it has ended."""

    id: int = msgspec.field(default=0, name="ID")
    ttl: int = msgspec.field(default=0, name="TTL")


class Streamed(msgspec.Struct):
    """One line of a stream of leases."""

    result: LeaseReply


class Revoked(msgspec.Struct):
    """The answer to the end of a lease."""

    header: Header


class TokenReply(msgspec.Struct):
    """The answer to a user and a password."""

    token: str


class StatusReply(msgspec.Struct):
    """How one member stands."""

    version: str = ""
    leader: int = 0
    header: Json = {}


class Fault(msgspec.Struct):
    """A refusal: the sentence, and gRPC's code."""

    error: str = ""
    message: str = ""
    code: int = 0


class _WatchEvent(msgspec.Struct):
    kv: KeyValue
    type: str = "PUT"


class _WatchNews(msgspec.Struct):
    created: bool = False
    canceled: bool = False
    cancel_reason: str = ""
    compact_revision: int = 0
    fragment: bool = False
    events: tuple[_WatchEvent, ...] = ()


class StreamFault(msgspec.Struct):
    """How a stream ends that the server cut."""

    message: str = ""
    grpc_code: int = 0


class WatchLine(msgspec.Struct):
    """One line of a watch."""

    result: _WatchNews | None = None
    error: StreamFault | None = None


def decode(raw: bytes, kind: type[T]) -> T:
    """A reply of that kind. Raises `Garbled`."""
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Garbled(f"no reply of etcd: {exc}") from exc


def encode(body: Json) -> bytes:
    """A request as it is sent."""
    return msgspec.json.encode(body)


class Form:
    """Requests and replies with keys below one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def key(self, key: str) -> bytes:
        """A key as etcd has it."""
        return self._prefix + key.encode()

    def txn(self, compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op]) -> Json:
        """The request of a transaction."""
        return {
            "compare": [self._compare(one) for one in compare],
            "success": [self._operation(one) for one in then],
            "failure": [self._operation(one) for one in otherwise],
        }

    def page(self, prefix: str, after: bytes, limit: int, revision: int) -> Json:
        """The request of some items of a prefix, behind a key; of a revision, or the newest (0)."""
        start = self.key(prefix)
        return {
            "key": after + b"\0" if after else start,
            "range_end": end_of(start) or ALL,
            "limit": str(limit),
            "revision": str(revision),
        }

    def watch(self, prefix: str, from_revision: int) -> Json:
        """The request of a watch."""
        start = self.key(prefix)
        asked = {
            "key": start,
            "range_end": end_of(start) or ALL,
            "start_revision": str(from_revision),
            "fragment": True,
        }
        return {"create_request": asked}

    def txn_done(self, reply: TxnReply, then: Sequence[Op], otherwise: Sequence[Op]) -> Txn:
        """What a transaction answered. Raises `Garbled` when it does not fit what was asked."""
        asked = then if reply.succeeded else otherwise
        if len(reply.responses) != len(asked):
            raise Garbled(f"{len(reply.responses)} answers to {len(asked)} operations")
        results = tuple(map(self._result, asked, reply.responses))
        return Txn(reply.succeeded, reply.header.revision, results)

    def item(self, found: KeyValue) -> Item:
        """An item without the prefix. Raises `Garbled`."""
        if not found.key.startswith(self._prefix):
            raise Garbled(f"a key that was not asked for: {found.key[:60]!r}")
        try:
            key = found.key[len(self._prefix) :].decode()
        except UnicodeDecodeError as exc:
            raise Garbled(f"a key that is no text: {found.key[:60]!r}") from exc
        return Item(key, found.value, found.create_revision, found.mod_revision, found.lease)

    def items(self, found: Iterable[KeyValue]) -> list[Item]:
        """Those whose keys are text: the others are nothing of ours, and hide nothing. Raises `Garbled`."""
        return [self.item(one) for one in found if _is_text(one.key)]

    def events(self, news: _WatchNews) -> list[Event]:
        """What a line of a watch tells of such keys. Raises `Garbled`."""
        return [self._event(one) for one in news.events if _is_text(one.kv.key)]

    def _event(self, one: _WatchEvent) -> Event:
        item = self.item(one.kv)
        if one.type == "DELETE":
            return Event(Item(item.key, b"", 0, item.revision), True)
        return Event(item)

    def _compare(self, one: Compare) -> Json:
        to = one.to if isinstance(one.to, bytes) else str(one.to)
        return {
            "key": self.key(one.key),
            "target": _WORDS[one.what],
            "result": _SIGNS[one.sign],
            _TARGETS[one.what]: to,
        }

    def _operation(self, one: Op) -> Json:
        if isinstance(one, Put):
            put = {"key": self.key(one.key), "value": one.value, "lease": str(one.lease)}
            return {"request_put": put}
        kind = "request_delete_range" if isinstance(one, Delete) else "request_range"
        return {kind: {"key": self.key(one.key)}}

    def _result(self, asked: Op, reply: OneReply) -> Result:
        if isinstance(asked, Get) and reply.response_range is not None:
            found = reply.response_range.kvs
            return self.item(found[0]) if found else None
        if isinstance(asked, Delete) and reply.response_delete_range is not None:
            return reply.response_delete_range.deleted
        if isinstance(asked, Put) and reply.response_put is not None:
            return None
        raise Garbled("an answer to another operation than was asked")


def grouped(events: Sequence[Event]) -> list[Batch]:
    """Events in their order, a batch for each revision. Raises `Garbled` when revisions fall."""
    batches: list[Batch] = []
    for one in events:
        at = one.item.revision
        if batches and batches[-1].revision == at:
            batches[-1] = Batch(at, (*batches[-1].events, one))
        elif batches and batches[-1].revision > at:
            raise Garbled(f"revision {at} behind {batches[-1].revision}")
        else:
            batches.append(Batch(at, (one,)))
    return batches


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
