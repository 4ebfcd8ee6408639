"""What the two ends say before the bytes: one line of JSON each way. Pure.

{"to":"peers"}                     lead this stream to the place of that name
{"ok":true}    {"ok":false,"text":"..."}
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec

LINE_MAX: Final = 512
TEXT_MAX: Final = 200

T = TypeVar("T")

PlaceName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Ask(msgspec.Struct, frozen=True):
    """Where to."""

    to: PlaceName


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether it leads there; else why not."""

    ok: bool
    text: Annotated[str, msgspec.Meta(max_length=TEXT_MAX)] = ""


class BadLine(Exception):
    """The peer's line is neither."""


_ask: Final = msgspec.json.Decoder(Ask)
_answer: Final = msgspec.json.Decoder(Answer)


def line(message: Ask | Answer) -> bytes:
    """A line of it."""
    return msgspec.json.encode(message) + b"\n"


def ask(data: bytes) -> Ask:
    """The request in a line. Raises `BadLine`."""
    return _decoded(data, _ask)


def answer(data: bytes) -> Answer:
    """The answer in a line. Raises `BadLine`."""
    return _decoded(data, _answer)


def _decoded(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    if len(data) > LINE_MAX or not data.endswith(b"\n"):
        raise BadLine(f"no whole line of at most {LINE_MAX} bytes")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise BadLine(str(exc)) from exc
