"""Whom at the receiver a letter is for: people, or the app at a mesh port. Pure.

offset  size  field
0       1     zero
1       2     port, big endian
3       n     the message

A letter without this head is for people, and so is one with port 0.
"""

from struct import Struct
from typing import Final, NamedTuple

from components.mesh.errors import CallerError
from components.mesh.mail_wire import MAX_MESSAGE

PEOPLE: Final = 0
_MARK: Final = 0
_HEAD: Final = Struct(">BH")
MAX_TO_APP: Final = MAX_MESSAGE - _HEAD.size


class Addressed(NamedTuple):
    """A letter's message, and the port it is for."""

    port: int
    message: bytes


def head(port: int) -> bytes:
    """What a letter for this port begins with."""
    return _HEAD.pack(_MARK, port)


def address(port: int, message: bytes) -> bytes:
    """A message with its head, where it needs one. Raises `CallerError` when it is too long."""
    front = head(port) if port != PEOPLE or message[:1] == head(PEOPLE)[:1] else b""
    if len(front) + len(message) > MAX_MESSAGE:
        most = MAX_MESSAGE if port == PEOPLE else MAX_TO_APP
        raise CallerError(f"a message has at most {most} bytes, not {len(message)}")
    return front + message


def addressed(message: bytes) -> Addressed:
    """The same taken apart; a head that is cut short is none."""
    if len(message) < _HEAD.size or message[0] != _MARK:
        return Addressed(PEOPLE, message)
    return Addressed(_HEAD.unpack_from(message)[1], message[_HEAD.size :])
