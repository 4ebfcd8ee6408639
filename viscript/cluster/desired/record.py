"""The orders a cluster runs by: signed records, as they lie in the store. Pure: values and bytes.

    record      signature 64 | body: a msgpack map of the fields below
    Deployment  context "viscript deployment 1", key `desired/APP`: what runs, how often, on which hosts
    HostOrder   context "viscript host order 1", key `orders/HOST`: whether a host takes work

Both are signed by a key that may operate. The signature covers the body's very bytes; cluster, name and a
version that only rises are among them, so that no record can be brought back, renamed, or used elsewhere.
To take an app away is a record as well (`gone`): that a key is missing in the store says nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from signal_bus.identity import SEED_BYTES, Identity, has_twin_bit, verify
from signal_bus.ids import PublicKey
from viscript.cluster.desired.place import BadPlace, parse
from viscript.cluster.model import SIGNATURE_BYTES, VERSION_MAX, BadRecord
from viscript.verbs.table import Role

DEPLOYMENT_CONTEXT: Final = b"viscript deployment 1"
HOST_ORDER_CONTEXT: Final = b"viscript host order 1"
RECORD_BYTES: Final = 48 * 1024
COUNT_MAX: Final = 1000
NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,62}\Z"

_Key = Annotated[PublicKey, msgspec.Meta(min_length=SEED_BYTES, max_length=SEED_BYTES)]
_Version = Annotated[int, msgspec.Meta(ge=1, le=VERSION_MAX)]
_Name = Annotated[str, msgspec.Meta(pattern=NAME)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]


class Mode(StrEnum):
    """Whether a host takes work of the cluster."""

    NORMAL = "normal"
    PAUSED = "paused"  # what runs stays, nothing comes
    DRAINED = "drained"  # what can run elsewhere goes there


class _Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What bodies share: frozen, defaults left off the wire, unknown fields ignored."""


class Deployment(_Body, frozen=True, kw_only=True):
    """An app that the cluster keeps running: `count` instances, numbered from 1."""

    cluster: _Key
    app: _Name
    entry: bytes = b""  # msgpack of an AppEntry; empty: every host knows the app by its name
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    place: str = "any"
    count: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 1
    spread: Annotated[str, msgspec.Meta(max_length=63)] = ""  # the label over whose values they are spread
    exclusive: bool = True
    restarts: int = 0  # raised to have every instance started anew
    pins: dict[_Number, _Key] = {}  # instances that somebody moved by hand, and where to
    version: _Version = 1
    expires: float = 0.0  # seconds since the epoch, from when on it counts as gone; 0: never
    gone: bool = False
    came_from: str = ""  # the id it had on a host before it was ordered
    signed_at: float = 0.0
    file: Annotated[bytes, msgspec.Meta(max_length=SEED_BYTES)] = b""  # the host whose config.yaml orders it
    role: Role = Role.ADMIN  # of who asked for it, where that is less than its signer's
    by: _Key

    @property
    def what(self) -> str:
        """The same for two orders by which the same runs; where and how often is no part of it."""
        parts = (self.entry, self.args, sorted(self.env.items()), self.exclusive, self.restarts)
        return hashlib.sha256(_pack(parts)).hexdigest()[:16]


class HostOrder(_Body, frozen=True, kw_only=True):
    """What an operator ordered of a host."""

    cluster: _Key
    host: _Key
    mode: Mode = Mode.NORMAL
    version: _Version = 1
    signed_at: float = 0.0
    by: _Key


B = TypeVar("B", Deployment, HostOrder)


@dataclass(frozen=True)
class SignedOrder(Generic[B]):
    """A body whose signature was checked, and the record it came in."""

    body: B
    record: bytes


_pack: Final = msgspec.msgpack.Encoder().encode
_deployments: Final = msgspec.msgpack.Decoder(Deployment)
_host_orders: Final = msgspec.msgpack.Decoder(HostOrder)


def sign_deployment(body: Deployment, signer: Identity) -> SignedOrder[Deployment]:
    """The record of a deployment. Raises `BadRecord` for one that nobody would accept."""
    return read_deployment(_signed(body, DEPLOYMENT_CONTEXT, signer))


def sign_host_order(body: HostOrder, signer: Identity) -> SignedOrder[HostOrder]:
    """The record of an order to a host. Raises `BadRecord` for one that nobody would accept."""
    return read_host_order(_signed(body, HOST_ORDER_CONTEXT, signer))


def read_deployment(record: bytes) -> SignedOrder[Deployment]:
    """A deployment, its signature checked. Raises `BadRecord`."""
    body = _opened(record, _deployments, DEPLOYMENT_CONTEXT)
    try:
        parse(body.place)
    except BadPlace as exc:
        raise BadRecord(str(exc)) from exc
    return SignedOrder(body, record)


def read_host_order(record: bytes) -> SignedOrder[HostOrder]:
    """An order to a host, its signature checked. Raises `BadRecord`."""
    return SignedOrder(_opened(record, _host_orders, HOST_ORDER_CONTEXT), record)


def _signed(body: Deployment | HostOrder, context: bytes, signer: Identity) -> bytes:
    if body.by != signer.public_key:
        raise BadRecord("the record names another signer")
    data = _pack(body)
    return signer.sign(context, data) + data


def _opened(record: bytes, decoder: msgspec.msgpack.Decoder[B], context: bytes) -> B:
    if not SIGNATURE_BYTES < len(record) <= RECORD_BYTES:
        raise BadRecord(f"a record has {SIGNATURE_BYTES + 1} to {RECORD_BYTES} bytes, not {len(record)}")
    try:
        body = decoder.decode(record[SIGNATURE_BYTES:])
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadRecord(str(exc)) from exc
    if has_twin_bit(body.by):
        raise BadRecord("bit 255 of the signer's key is set")
    if not verify(body.by, context, record[SIGNATURE_BYTES:], record[:SIGNATURE_BYTES]):
        raise BadRecord(f"the signature is not that of {body.by.hex()[:16]}")
    return body
