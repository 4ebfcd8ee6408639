"""What the two apps are told on their command lines, in the seeds' order and with options behind."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.visor.kit.words import LOOPBACK, HostPort, listed, parser, place, place_or_off, port
from plugins.socks.handshake import Credentials

EXIT_PORT: Final = 3
SOCKS_PORT: Final = 1080
WEB_PORT: Final = 1081


@dataclass(frozen=True)
class ServerOptions:
    """Of an exit."""

    name: str
    visor: str | None
    port: int
    allow: tuple[str, ...]
    allow_private: bool


@dataclass(frozen=True)
class ClientOptions:
    """Of a client; `web` is None when there is no port for HTTP CONNECT."""

    name: str
    visor: str | None
    listen: HostPort
    web: HostPort | None
    peers: tuple[str, ...]
    exit_port: int
    credentials: Credentials | None


def server(words: Sequence[str]) -> ServerOptions:
    """The options of an exit. Wrong ones end the program with code 2."""
    made = parser("socks-server", "mesh port to listen on", EXIT_PORT)
    made.add_argument("--allow", type=listed, default=(), metavar="KEY,...", help="who may use it")
    made.add_argument("--allow-private", action="store_true", help="private addresses may be gone to")
    given = made.parse_args(words)
    return ServerOptions(given.name, given.visor, given.port, given.allow, given.allow_private)


def client(words: Sequence[str]) -> ClientOptions:
    """The options of a client. Wrong ones end the program with code 2."""
    made = parser("socks-client", "local port for SOCKS", SOCKS_PORT)
    made.add_argument("--listen", type=place, metavar="HOST:PORT", help="the same with a host")
    made.add_argument("--http", type=place_or_off, default=(LOOPBACK, WEB_PORT), metavar="HOST:PORT|off")
    made.add_argument("--peer", type=listed, default=(), metavar="PEER,...", help="the exits, the best first")
    made.add_argument("--exit-port", type=port, default=EXIT_PORT, metavar="N", help="their mesh port")
    made.add_argument("--login", type=_login, metavar="FILE", help="a file with USER:PASSWORD")
    given = made.parse_args(words)
    return ClientOptions(
        given.name,
        given.visor,
        given.listen or (LOOPBACK, given.port),
        given.http,
        given.peer,
        given.exit_port,
        given.login,
    )


def _login(text: str) -> Credentials:
    try:
        user, colon, password = Path(text).read_text(encoding="utf-8").strip().partition(":")
    except (OSError, UnicodeDecodeError) as exc:
        raise argparse.ArgumentTypeError(f"{text}: {exc}") from exc
    if not colon or not user or not password:
        raise argparse.ArgumentTypeError(f"{text} does not hold USER:PASSWORD")
    return Credentials(user, password)
