"""The request of a program, as it stands in the protocol, and its reply. Pure.

    SOCKS5   05 | command | 00 | kind, address, port          reply 05 | code | 00 | kind, address, port
    SOCKS4   04 | command | port u16 | IPv4 | user 00         reply 00 | code | port u16 | IPv4
    SOCKS4a  the same with the address 0.0.0.x, x not 0, and behind the user: name 00

The same bytes go over the mesh: the client's host takes the greeting, leaves the request where it is and
hands the connection over; the exit reads the request and replies in the program's own protocol. So the mesh
has no form of its own, and the bytes of a program are copied by nobody on its host.
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from typing import Final, NamedTuple

from plugins.socks.destination import NOWHERE, BadDestination, Destination, name_of, pack, unpack

USER_MAX: Final = 255
_LONGEST: Final = 8 + 2 * (USER_MAX + 1)
_CONNECT4: Final = 1


class Command(IntEnum):
    """What is asked for."""

    CONNECT = 1
    BIND = 2
    UDP = 3


class Code(IntEnum):
    """How it went, in the numbers of SOCKS5."""

    DONE = 0
    FAILED = 1
    NOT_ALLOWED = 2
    NO_NETWORK = 3
    NO_HOST = 4
    REFUSED = 5
    TOO_LATE = 6
    NO_SUCH_COMMAND = 7
    NO_SUCH_KIND = 8


class Request(NamedTuple):
    """`size` is how many bytes it took."""

    version: int
    command: Command
    destination: Destination
    size: int


class BadRequest(ValueError):
    """No request; `reply` is what the program is told before the connection ends."""

    def __init__(self, why: str, reply: bytes = b"") -> None:
        super().__init__(why)
        self.reply = reply


def parse(data: bytes) -> Request | None:
    """The request these bytes begin with; None while it is not whole. Raises `BadRequest`."""
    if not data:
        return None
    if data[0] == 5:
        return _five(data)
    if data[0] == 4:
        return _four(data)
    raise BadRequest(f"a request of version {data[0]}: SOCKS 4, 4a and 5 are known")


def write(command: Command, destination: Destination) -> bytes:
    """A request in the form of SOCKS5. Raises `BadDestination`."""
    return bytes([5, command, 0]) + pack(destination)


def reply(version: int, code: Code, bound: Destination = NOWHERE) -> bytes:
    """The answer to a request of that version."""
    if version == 4:
        return bytes([0, 90 if code is Code.DONE else 91]) + bytes(6)
    return bytes([5, code, 0]) + pack(bound)


def parse_reply(data: bytes) -> tuple[Code, Destination, int] | None:
    """The reply of SOCKS5 these bytes begin with, and its size; None while it is not whole.

    Raises `BadRequest`.
    """
    if data and data[0] != 5:
        raise BadRequest(f"a reply of version {data[0]}")
    if len(data) < 4:
        return None
    try:
        found = unpack(data[3:])
        return None if found is None else (Code(data[1]), found[0], found[1] + 3)
    except ValueError as exc:
        raise BadRequest(f"a reply that is none: {exc}") from exc


def _five(data: bytes) -> Request | None:
    if len(data) < 4:
        return None
    try:
        found = unpack(data[3:])
    except BadDestination as exc:
        raise BadRequest(str(exc), reply(5, Code.NO_SUCH_KIND)) from exc
    if found is None:
        return None
    if data[1] not in tuple(Command):
        raise BadRequest(f"a command {data[1]}", reply(5, Code.NO_SUCH_COMMAND))
    return Request(5, Command(data[1]), found[0], found[1] + 3)


def _four(data: bytes) -> Request | None:
    end = data.find(0, 8, _LONGEST)
    if len(data) > 1 and data[1] != _CONNECT4:
        raise BadRequest(f"a command {data[1]}", reply(4, Code.NO_SUCH_COMMAND))
    if len(data) < 9 or end < 0:
        _check_length(data, 8 + USER_MAX)
        return None
    host, port = str(ipaddress.IPv4Address(data[4:8])), int.from_bytes(data[2:4], "big")
    if data[4:7] != bytes(3) or not data[7]:
        return Request(4, Command.CONNECT, Destination(host, port), end + 1)
    last = data.find(0, end + 1, end + 2 + USER_MAX)
    if last < 0:
        _check_length(data, end + 1 + USER_MAX)
        return None
    try:
        name = name_of(data[end + 1 : last])
    except BadDestination as exc:
        raise BadRequest(str(exc), reply(4, Code.FAILED)) from exc
    return Request(4, Command.CONNECT, Destination(name, port), last + 1)


def _check_length(data: bytes, most: int) -> None:
    """Wait for the zero at the end, but not for ever."""
    if len(data) > most:
        raise BadRequest(f"a word of more than {USER_MAX} characters", reply(4, Code.FAILED))
