"""What reach is told on its command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.visor.kit.words import parser

PORT: Final = 50


@dataclass(frozen=True)
class Options:
    """Of one app; `visor` None is the one of this home."""

    name: str
    visor: str | None
    port: int


def parse(words: Sequence[str]) -> Options:
    """The options. Wrong ones end the program with code 2."""
    given = parser("reach", "mesh port that reach uses on other hosts too", PORT).parse_args(words)
    return Options(given.name, given.visor, given.port)
