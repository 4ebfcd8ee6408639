"""Questions to resolvers as they cross the stream, and the little that is known of a DNS message. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

from plugins.vpn.wire import VpnWireError

HEADER: Final = 12  # of a DNS message
_NUMBER: Final = 5
_RESPONSE: Final = 0x80
_FAILED: Final = 2  # SERVFAIL


class Asked(NamedTuple):
    """One question or its answer; the number joins them."""

    number: int
    tcp: bool
    message: bytes


def packed(asked: Asked) -> bytes:
    """The body of its frame."""
    return asked.number.to_bytes(4, "big") + bytes([asked.tcp]) + asked.message


def unpacked(body: bytes) -> Asked:
    """What is in the body of a frame. Raises `VpnWireError`."""
    if len(body) < _NUMBER + HEADER or body[4] > 1:
        raise VpnWireError(f"{len(body)} bytes are no question and no answer")
    return Asked(int.from_bytes(body[:4], "big"), bool(body[4]), body[_NUMBER:])


def is_question(message: bytes) -> bool:
    """Whether it can be asked at all: a header, and no answer."""
    return len(message) >= HEADER and not message[2] & _RESPONSE


def answers(answer: bytes, question: bytes) -> bool:
    """Whether it is the answer to that question."""
    return len(answer) >= HEADER and answer[:2] == question[:2] and bool(answer[2] & _RESPONSE)


def failure(question: bytes) -> bytes:
    """The answer that there is none now."""
    flags = bytes([question[2] | _RESPONSE, (question[3] & 0x70) | _RESPONSE | _FAILED])
    return question[:2] + flags + question[4:6] + bytes(6) + _question_part(question)


def _question_part(message: bytes) -> bytes:
    """The name that is asked for and what of it; nothing if it is not whole."""
    at = HEADER
    while at < len(message) and message[at]:
        at += message[at] + 1
    return message[HEADER : at + 5]


def nameservers(text: str) -> tuple[str, ...]:
    """The resolvers in the text of a resolv.conf; the local one where none is named."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
            found.append(words[1])
    return tuple(found) or ("127.0.0.1",)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
