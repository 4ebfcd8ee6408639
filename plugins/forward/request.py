"""What the two ends of forwarding say before the bytes: one line of JSON each way. Pure.

    {"t":"open","target":"127.0.0.1:80"}                  lead this stream there
    {"t":"lend","listen":"127.0.0.1:9000","token":"..."}  this port leads to me, as long as this stream lasts
    {"t":"back","token":"..."}                            here is a connection to the port I lend you

    {"ok":true}    {"ok":false,"code":"not-offered","text":"..."}

`udp`: the bytes behind are datagrams, each with its length before it. `probe`: only say whether it would be.
"""

from __future__ import annotations

from typing import Final

import msgspec

from components.visor.kit.lines import decoded

LINE_MAX: Final = 1024
TOKEN_BYTES: Final = 16


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    udp: bool = False


class Open(_Message, frozen=True, kw_only=True, tag="open"):
    """Lead this stream to a target."""

    target: str
    probe: bool = False


class Lend(_Message, frozen=True, kw_only=True, tag="lend"):
    """Listen for me, and bring what comes with this token."""

    listen: str
    token: str
    probe: bool = False


class Back(_Message, frozen=True, kw_only=True, tag="back"):
    """What came at the port you were lent."""

    token: str


Request = Open | Lend | Back


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether it is done; else why not. `text` of a lend that is done is where it listens."""

    ok: bool
    code: str = ""
    text: str = ""


_request: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_answer: Final = msgspec.json.Decoder(Answer)


def line(message: Request | Answer) -> bytes:
    """A line of it, whatever its texts are."""
    data = msgspec.json.encode(message) + b"\n"
    if len(data) > LINE_MAX and isinstance(message, Answer):
        return line(Answer(ok=message.ok, code=message.code[:64], text=message.text[:100]))
    return data


def request(data: bytes) -> Request:
    """The request in a line. Raises `BadLine`."""
    return decoded(data, _request, LINE_MAX)


def answer(data: bytes) -> Answer:
    """The answer in a line. Raises `BadLine`."""
    return decoded(data, _answer, LINE_MAX)
