"""What the two ends say before the bytes: one line of JSON each way. Pure.

{"to":"peers"}                     lead this stream to the place of that name
{"ok":true}    {"ok":false,"text":"..."}
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from components.visor.kit.lines import decoded

LINE_MAX: Final = 512
TEXT_MAX: Final = 200


PlaceName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Ask(msgspec.Struct, frozen=True):
    """Where to."""

    to: PlaceName


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether it leads there; else why not."""

    ok: bool
    text: Annotated[str, msgspec.Meta(max_length=TEXT_MAX)] = ""


_ask: Final = msgspec.json.Decoder(Ask)
_answer: Final = msgspec.json.Decoder(Answer)


def line(message: Ask | Answer) -> bytes:
    """A line of it."""
    return msgspec.json.encode(message) + b"\n"


def ask(data: bytes) -> Ask:
    """The request in a line. Raises `BadLine`."""
    return decoded(data, _ask, LINE_MAX)


def answer(data: bytes) -> Answer:
    """The answer in a line. Raises `BadLine`."""
    return decoded(data, _answer, LINE_MAX)
