"""The keys of the store that desired state lies under, and what is written there unsigned. Pure.

    desired/APP       a Deployment, signed
    orders/HOST       a HostOrder, signed
    assign/APP/N      an Assignment: the leader's proposal, believed by nobody
    run/APP/N         a Claim under the lease of the host that runs it; the revision that made it is the fence
    alive/HOST        the host's label, under its lease
    observed/HOST/SEQ an Observed under the host's lease
    lock/NAME         a Claim of an app that asked for it over the bus, under its host's lease
    leader            the key of the host that plans, under a lease of its own

HOST is a key in hexadecimal, APP a name, N a number from 1.
"""

from __future__ import annotations

from typing import Final, NewType, TypeVar

import msgspec

from signal_bus.ids import PublicKey

DESIRED: Final = "desired/"
ORDERS: Final = "orders/"
ASSIGN: Final = "assign/"
RUN: Final = "run/"
LOCK: Final = "lock/"
ALIVE: Final = "alive/"
OBSERVED: Final = "observed/"
LEADER: Final = "leader"

# In the home's own memory: what was seen of the store, for a time when it is away.
KEPT_ORDERS: Final = "desired.orders"
KEPT_ASSIGNED: Final = "desired.assigned"

Slot = tuple[str, int]  # an app of the cluster and the number of its instance
Packed = NewType("Packed", bytes)


class Assignment(msgspec.Struct, frozen=True):
    """Which host is to run an instance, as the leader saw it."""

    host: bytes
    since: float = 0.0


class Claim(msgspec.Struct, frozen=True):
    """Which host runs an exclusive instance; the key's lease says until when."""

    host: bytes
    label: str = ""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """How an instance stands on its host."""

    app: str
    number: int
    what: str = ""
    seq: int
    state: str
    fence: int = 0
    moved_from: str = ""
    reason: str = ""  # why it is not up


V = TypeVar("V", Assignment, Claim, Observed)
_encoder: Final = msgspec.msgpack.Encoder()


def pack(value: Assignment | Claim | Observed) -> bytes:
    """The value as it is written."""
    return _encoder.encode(value)


def unpack(data: bytes, kind: type[V]) -> V | None:
    """The value; None for bytes that are none: whoever wrote them is not believed anyway."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def slot_key(prefix: str, slot: Slot) -> str:
    """`run/web/1`."""
    return f"{prefix}{slot[0]}/{slot[1]}"


def slot_of(prefix: str, key: str) -> Slot | None:
    """The instance that such a key is of; None for a key of another form."""
    app, _, number = key.removeprefix(prefix).rpartition("/")
    if not key.startswith(prefix) or not app or not (number.isascii() and number.isdecimal()):
        return None
    return (app, int(number)) if number == str(int(number[:9])) and number != "0" else None


def host_key(prefix: str, host: bytes) -> str:
    """`alive/ab12...`."""
    return f"{prefix}{host.hex()}"


def host_of(prefix: str, key: str) -> PublicKey | None:
    """The host that such a key is of; None for a key of another form."""
    try:
        host = bytes.fromhex(key.removeprefix(prefix).partition("/")[0])
    except ValueError:
        return None
    return PublicKey(host) if key.startswith(prefix) and len(host) == 32 else None
