"""What forwarding is told on its command line and in the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from components.visor.kit.words import parser
from plugins.forward.settings import Settings

PORT: Final = 47


@dataclass(frozen=True)
class Options:
    """Of one app. Without `state`, rules are forgotten with the process."""

    name: str
    visor: str | None
    port: int
    state: Path | None
    rules: tuple[str, ...]


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options. Wrong ones end the program with code 2."""
    made = parser("forward", "mesh port that peers' forwarding uses too", PORT)
    made.add_argument("--state", type=Path, metavar="FOLDER", help="where rules are kept")
    made.add_argument("--rule", action="append", default=[], help='as its verb is: "fwd 8080 mike:80"')
    given = made.parse_args(words)
    state = given.state or (Path(environ["VISCRIPT_STATE"]) if environ.get("VISCRIPT_STATE") else None)
    return Options(given.name, given.visor, given.port, state, (*_settings(environ).rules, *given.rule))


def _settings(environ: Mapping[str, str]) -> Settings:
    """As the daemon checked and told them."""
    return msgspec.json.decode(environ.get("VISCRIPT_SETTINGS") or "{}", type=Settings)
