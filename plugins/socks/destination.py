"""Where a program wants to go: an address or a name, and a port, as SOCKS5 writes it.

kind u8 | 1: 4 bytes, 3: length u8 and a name, 4: 16 bytes | port u16
"""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

IPV4: Final = 1
NAME: Final = 3
IPV6: Final = 4
_SIZES: Final = {IPV4: 4, IPV6: 16}


class BadDestination(ValueError):
    """The bytes or the text name no place to go to."""


class Destination(NamedTuple):
    """`host` is an address in its usual form, or a name that the exit looks up."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


NOWHERE: Final = Destination("0.0.0.0", 0)  # noqa: S104 (what SOCKS says where there is no address)


def pack(destination: Destination) -> bytes:
    """The bytes of it. Raises `BadDestination` for a name that is too long."""
    port = destination.port.to_bytes(2, "big")
    try:
        address = ipaddress.ip_address(destination.host)
    except ValueError:
        return bytes([NAME, *_short(destination.host)]) + port
    return bytes([IPV4 if address.version == 4 else IPV6]) + address.packed + port


def unpack(data: bytes) -> tuple[Destination, int] | None:
    """A destination and the bytes it took; None while there are too few. Raises `BadDestination`."""
    if not data:
        return None
    start, size = 1, _SIZES.get(data[0], 0)
    if data[0] == NAME:
        if len(data) < 2:
            return None
        start, size = 2, data[1]
    if not size:
        raise BadDestination(f"a destination of kind {data[0]} and no length")
    end = start + size
    if len(data) < end + 2:
        return None
    return Destination(_host(data[0], data[start:end]), int.from_bytes(data[end : end + 2], "big")), end + 2


def name_of(raw: bytes) -> str:
    """A name as it stands in a request: visible ASCII. Raises `BadDestination`."""
    if not raw or not all(0x21 <= byte < 0x7F for byte in raw):
        raise BadDestination("a name with characters that no name has")
    return raw.decode("ascii")


def _host(kind: int, raw: bytes) -> str:
    return name_of(raw) if kind == NAME else str(ipaddress.ip_address(raw))


def _short(name: str) -> bytes:
    raw = name.encode("ascii", "replace")
    if not 0 < len(raw) < 256:
        raise BadDestination(f"a name of {len(raw)} characters: 1 to 255 are expected")
    return bytes([len(raw)]) + raw
