"""Datagrams: as a program writes them (RFC 1928, 7), and on a stream of the mesh. Pure.

program   00 00 | fragment u8 | kind, address, port | data
stream    length u16 | kind, address, port | data          length: of all behind it
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plugins.socks.destination import BadDestination, Destination, pack, unpack

DATA_MAX: Final = 65_000  # a UDP datagram with its header is shorter than 65,508 bytes


class Datagram(NamedTuple):
    """`place` is where it goes, or where it came from."""

    place: Destination
    data: bytes


def of_program(packet: bytes) -> Datagram | None:
    """What a program sent; None for what cannot be forwarded: rubbish, and pieces of a datagram."""
    if packet[:3] != bytes(3):
        return None
    try:
        found = unpack(packet[3:])
    except BadDestination:
        return None
    if found is None or len(packet) - 3 - found[1] > DATA_MAX:
        return None
    return Datagram(found[0], packet[3 + found[1] :])


def for_program(datagram: Datagram) -> bytes:
    """The packet a program gets."""
    return bytes(3) + pack(datagram.place) + datagram.data


def for_stream(datagram: Datagram) -> bytes:
    """The bytes of it on a stream."""
    body = pack(datagram.place) + datagram.data
    return len(body).to_bytes(2, "big") + body


def of_stream(body: bytes) -> Datagram:
    """What stands behind a length. Raises `BadDestination`."""
    found = unpack(body)
    if found is None:
        raise BadDestination("a datagram without a place to go to")
    return Datagram(found[0], body[found[1] :])
