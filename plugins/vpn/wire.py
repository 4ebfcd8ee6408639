"""What client and exit say on their stream: frames, and the messages in them. Pure.

    frame    u8 kind | u24 length in big endian | so many bytes, at most MOST
    kind     0 hello, 1 lease, 2 refused: MessagePack, the first frame of each side
             3 packet: virtio_net_hdr of 10 bytes when both have it, then an IP packet
             4 ping, 5 pong: 8 bytes that the answer repeats
             6 question, 7 answer: u32 number | u8 1 for TCP | a DNS message

The client begins with `hello`; the exit answers `lease` or `refused`, and packets go both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Annotated, Final, Self, TypeVar

import msgspec

VERSION: Final = 1
HEAD: Final = 4
VNET_HEADER: Final = 10
MOST: Final = 65_536 + VNET_HEADER
TEXT_MOST: Final = 4096  # of a frame that is no packet
Address = IPv4Address | IPv6Address
Text = Annotated[str, msgspec.Meta(max_length=256)]


class Kind(IntEnum):
    """Of a frame."""

    HELLO = 0
    LEASE = 1
    REFUSED = 2
    PACKET = 3
    PING = 4
    PONG = 5
    QUESTION = 6
    ANSWER = 7


class VpnWireError(Exception):
    """The other end sent what is no frame or message of this protocol."""


class Hello(msgspec.Struct, frozen=True):
    """A client: what its TUN device can do. `uso` are datagrams in one piece."""

    version: int = VERSION
    whole: bool = True
    uso: bool = False


class Lease(msgspec.Struct, frozen=True):
    """An exit: the client's addresses and its own, and what both devices do. Empty: not to be had."""

    ipv4: Text
    gateway4: Text
    ipv6: Text = ""
    gateway6: Text = ""
    mtu: Annotated[int, msgspec.Meta(ge=576, le=65_535)] = 1400
    whole: bool = True
    uso: bool = False

    def checked(self) -> Self:
        """Itself: its texts become words of commands, so each must be an address. Raises `VpnWireError`."""
        try:
            pairs: list[tuple[Address, Address]] = [(IPv4Address(self.ipv4), IPv4Address(self.gateway4))]
            if self.ipv6 or self.gateway6:
                pairs.append((IPv6Address(self.ipv6), IPv6Address(self.gateway6)))
        except AddressValueError as exc:
            raise VpnWireError(f"a lease without addresses: {exc}") from exc
        for own, gateway in pairs:
            if own == gateway or any(_is_of_no_host(one) for one in (own, gateway)):
                raise VpnWireError(f"a lease of {own} behind {gateway}")
        return self


class Refused(msgspec.Struct, frozen=True):
    """An exit that serves this client no tunnel."""

    why: Text


def _is_of_no_host(address: Address) -> bool:
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    return scoped or address.is_loopback or address.is_multicast or address.is_unspecified


M = TypeVar("M", Hello, Lease, Refused)
_KINDS: Final[dict[type, Kind]] = {Hello: Kind.HELLO, Lease: Kind.LEASE, Refused: Kind.REFUSED}


def frame(kind: Kind, body: bytes) -> bytes:
    """The bytes of one frame."""
    return head(kind, len(body)) + body


def head(kind: Kind, size: int) -> bytes:
    """The first four bytes of one."""
    return ((kind << 24) | size).to_bytes(HEAD, "big")


def said(message: Hello | Lease | Refused) -> bytes:
    """The frame of a message."""
    return frame(_KINDS[type(message)], msgspec.msgpack.encode(message))


def understood(body: bytes, kind: type[M]) -> M:
    """The message in a frame. Raises `VpnWireError`."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise VpnWireError(f"no {kind.__name__.lower()}: {exc}") from exc


def split_head(data: bytes | bytearray | memoryview) -> tuple[Kind, int]:
    """Kind and size in the first four bytes. Raises `VpnWireError`."""
    whole = int.from_bytes(data[:HEAD], "big")
    number, size = whole >> 24, whole & 0xFFFFFF
    try:
        kind = Kind(number)
    except ValueError as exc:
        raise VpnWireError(f"a frame of kind {number}") from exc
    if size > (MOST if kind in (Kind.PACKET, Kind.QUESTION, Kind.ANSWER) else TEXT_MOST):
        raise VpnWireError(f"a {kind.name.lower()} of {size} bytes")
    return kind, size


def frames(data: memoryview) -> Iterator[tuple[Kind, int, int]]:
    """Kind, start and end of the body of each whole frame. Raises `VpnWireError`."""
    at = 0
    while at + HEAD <= len(data):
        kind, size = split_head(data[at : at + HEAD])
        start, end = at + HEAD, at + HEAD + size
        if end > len(data):
            return
        yield kind, start, end
        at = end
