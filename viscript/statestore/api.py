"""The contract of a state store: one awkward primitive, from which all that is handy is derived once.

Keys are text and ordered as their UTF-8 bytes; values are bytes. Every change raises the revision of the
whole store by one. A transaction compares, then carries out one of two lists of operations, at one revision.
A lease takes all that was written under it along when it ends. A watch tells every change behind a revision,
in order, or raises `Compacted`.

Every call has a `timeout` in seconds for the whole of it, all members of an engine included. It may raise:

    InvalidRequest   the caller is wrong (TooLarge among them); nothing was sent
    Refused          the engine does not let us
    StoreAway        the engine cannot be reached or cannot decide; nothing was changed
    Unclear          a write was sent and its answer was lost (`derived` knows how to go on)
    LeaseGone        the lease that was named has ended
    Compacted        from a watch only
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final, Literal, Protocol

import msgspec

TIMEOUT_S: Final = 5.0
KEY_MAX: Final = 1024
VALUE_MAX: Final = 65_535
OPERATIONS_MAX: Final = 128
TXN_MAX: Final = 1 << 20
TTL_MAX_S: Final = 30 * 86_400


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """A value that also travels."""


class Item(_Part, frozen=True):
    """One key as it stands. `created` is the revision that made it: a fencing token, since it never falls."""

    key: str
    value: bytes
    created: int
    revision: int
    lease: int = 0


class Compare(_Part, frozen=True):
    """One condition. A key that is not there has 0 for all numbers, and no comparison holds of its value."""

    key: str
    what: Literal["value", "created", "revision", "lease"]
    sign: Literal["=", "!=", "<", ">"]
    to: int | bytes


class Put(_Part, frozen=True, tag=True):
    """Write a value; answered with None."""

    key: str
    value: bytes
    lease: int = 0


class Delete(_Part, frozen=True, tag=True):
    """Take a key away; answered with how many there were, 0 or 1."""

    key: str


class Get(_Part, frozen=True, tag=True):
    """Read a key, as the operations before it left it; answered with the item or None."""

    key: str


Op = Put | Delete | Get
Result = Item | int | None


class Txn(_Part, frozen=True):
    """Whether the comparison held, the store's revision behind it, and an answer for each operation."""

    ok: bool
    revision: int
    results: tuple[Result, ...] = ()


class Range(_Part, frozen=True):
    """All items of a prefix at one revision, by key."""

    revision: int
    items: tuple[Item, ...] = ()


class Lease(_Part, frozen=True):
    """A lease as the engine granted it: `ttl_s` may be longer than what was asked for."""

    id: int
    ttl_s: int


class Event(_Part, frozen=True):
    """One key changed. Of one that was deleted, `item` has its key, the revision, and nothing else."""

    item: Item
    deleted: bool = False


class Batch(_Part, frozen=True):
    """All that changed below the prefix at one revision."""

    revision: int
    events: tuple[Event, ...]


class Capabilities(_Part, frozen=True):
    """What an engine offers beyond the contract, and where it ends."""

    engine: str
    linearizable: bool
    several_hosts: bool
    survives_a_host: bool
    min_ttl_s: int


class Member(_Part, frozen=True):
    """One server of an engine, as it was found a moment ago."""

    name: str
    ok: bool
    text: str


class Standing(_Part, frozen=True):
    """How an engine stands: can it be used, and each of its members."""

    ok: bool
    text: str
    members: tuple[Member, ...] = ()


class StateStore(Protocol):
    """What every engine does. All are closed by `close`, or by whoever opened them."""

    async def get(self, key: str, *, timeout: float = TIMEOUT_S) -> Item | None:
        """The item, or None."""

    async def range(self, prefix: str, *, timeout: float = TIMEOUT_S) -> Range:
        """Every item whose key begins so, at one revision; an empty prefix means all."""

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """Carry out `then` if every comparison holds, else `otherwise`; all of it or nothing."""

    async def lease(self, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """A new lease; it ends so many seconds behind its last keepalive."""

    async def keepalive(self, lease: int, *, timeout: float = TIMEOUT_S) -> int:
        """Begin its time anew; how many seconds it has now. Raises `LeaseGone`."""

    async def revoke(self, lease: int, *, timeout: float = TIMEOUT_S) -> None:
        """End it now, with all written under it; done also when it had ended before."""

    def watch(
        self, prefix: str, from_revision: int, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Batch, None]:
        """Every change from that revision on, as it comes; close it with `contextlib.aclosing`.

        Raises `Compacted`; and `StoreAway` once no member was reached for `timeout`.
        """

    def capabilities(self) -> Capabilities:
        """What this engine can do."""

    async def look(self, *, timeout: float = TIMEOUT_S) -> Standing:
        """How it stands; raises nothing but cancellation."""

    async def close(self) -> None:
        """Let go of everything."""


def absent(key: str) -> Compare:
    """Holds while there is no such key."""
    return Compare(key, "created", "=", 0)


def present(key: str) -> Compare:
    """Holds while there is such a key."""
    return Compare(key, "created", "!=", 0)


def unchanged(key: str, item: Item | None) -> Compare:
    """Holds while the key is as it was read, absent or present."""
    return Compare(key, "revision", "=", 0 if item is None else item.revision)


def unheld(key: str, item: Item) -> Compare:
    """Holds while it is the one that was made then, whatever was written to it since."""
    return Compare(key, "created", "=", item.created)
