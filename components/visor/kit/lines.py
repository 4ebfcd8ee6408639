"""What two ends of an app say before the bytes: one line of JSON each way, as a type of msgspec. Pure."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


class BadLine(Exception):
    """The peer's line is too long, is cut off, or is none of what is awaited."""


def decoded(data: bytes, decoder: msgspec.json.Decoder[T], most: int) -> T:
    """What a line of at most `most` bytes says. Raises `BadLine`."""
    if len(data) > most or not data.endswith(b"\n"):
        raise BadLine(f"no whole line of at most {most} bytes")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise BadLine(str(exc)) from exc
