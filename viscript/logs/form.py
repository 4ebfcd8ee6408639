"""A line as text with a time, as a JSON object, or made harmless for a screen. Pure."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from viscript.logs.lines import Line

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Escape sequences (CSI, OSC and their like up to the terminator, single-character ones), then every other
# control character but the tab. C1 controls too: some terminals obey them.
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
# Characters that turn the reading direction or are not seen at all: they make a line say something else.
_HIDDEN: Final = re.compile(r"[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """The text without anything a terminal would obey."""
    return _HIDDEN.sub("", _ESCAPES.sub("", text))


def stamp(time_ns: int) -> str:
    """`2026-11-21T08:54:36.123Z`: the same width always, so that it sorts as text."""
    moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def stamped(line: Line) -> bytes:
    """The line with its time before it and an end behind it."""
    return stamp(line.time_ns).encode() + b" " + line.raw.removesuffix(b"\n") + b"\n"


def json_line(line: Line, *, seq: int, name: str) -> bytes:
    """The line as one JSON object and an end of line."""
    fields = {
        "id": seq,
        "name": name,
        "time": line.time_ns / 1_000_000_000,
        "stream": line.stream,
        "text": line.text,
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
