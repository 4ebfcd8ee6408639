"""What the chat is told on its command line, in the seeds' order and with options behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.visor.kit.words import LOOPBACK, HostPort, listed, parser, place_or_off

CHAT_PORT: Final = 1
PAGE_PORT: Final = 8000


@dataclass(frozen=True)
class Options:
    """Of one chat; `page` is None when there is none, `state` when it is the daemon's to say."""

    name: str
    visor: str | None
    port: int
    page: HostPort | None
    state: Path | None
    allow: tuple[str, ...]
    tells_reading: bool


def options(words: Sequence[str]) -> Options:
    """The options of a chat. Wrong ones end the program with code 2."""
    made = parser("skychat", "mesh port", CHAT_PORT)
    made.add_argument(
        "--listen", "-addr", type=place_or_off, default=(LOOPBACK, PAGE_PORT), metavar="HOST:PORT|off"
    )
    made.add_argument("--state", type=Path, metavar="DIR", help="where texts are kept")
    made.add_argument("--allow", type=listed, default=(), metavar="KEY,...", help="who may write to us")
    made.add_argument("--silent", action="store_true", help="senders do not hear when we read")
    given = made.parse_args(words)
    return Options(
        given.name, given.visor, given.port, given.listen, given.state, given.allow, not given.silent
    )
