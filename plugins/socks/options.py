"""What the two apps are told on their command lines, in the seeds' order and with options behind."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plugins.socks.handshake import Credentials

EXIT_PORT: Final = 3
SOCKS_PORT: Final = 1080
WEB_PORT: Final = 1081
LOOPBACK: Final = "127.0.0.1"
_PORT_MAX: Final = 65_535

HostPort = tuple[str, int]


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
    parser = _parser("socks-server", "mesh port to listen on", EXIT_PORT)
    parser.add_argument("--allow", type=_keys, default=(), metavar="KEY,...", help="who may use it")
    parser.add_argument("--allow-private", action="store_true", help="private addresses may be gone to")
    given = parser.parse_args(words)
    return ServerOptions(given.name, given.visor, given.port, given.allow, given.allow_private)


def client(words: Sequence[str]) -> ClientOptions:
    """The options of a client. Wrong ones end the program with code 2."""
    parser = _parser("socks-client", "local port for SOCKS", SOCKS_PORT)
    parser.add_argument("--listen", type=_place, metavar="HOST:PORT", help="the same with a host")
    parser.add_argument("--http", type=_place_or_off, default=(LOOPBACK, WEB_PORT), metavar="HOST:PORT|off")
    parser.add_argument("--peer", type=_keys, default=(), metavar="KEY,...", help="the exits, the best first")
    parser.add_argument("--exit-port", type=_port, default=EXIT_PORT, metavar="N", help="their mesh port")
    parser.add_argument("--login", type=_login, metavar="FILE", help="a file with USER:PASSWORD")
    given = parser.parse_args(words)
    return ClientOptions(
        given.name,
        given.visor,
        given.listen or (LOOPBACK, given.port),
        given.http,
        given.peer,
        given.exit_port,
        given.login,
    )


def _parser(name: str, port: str, usual: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument("name", nargs="?", default=name, help="of the instance")
    parser.add_argument("visor", nargs="?", type=_visor, metavar="VISOR", help="its path, or host:port")
    parser.add_argument("port", nargs="?", type=_port, default=usual, help=f"{port} (default {usual})")
    return parser


def _visor(text: str) -> str | None:
    return text or None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to {_PORT_MAX} are")
    return int(text)


def _place(text: str) -> HostPort:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host.strip("[]") or LOOPBACK, int(port)


def _place_or_off(text: str) -> HostPort | None:
    return None if text == "off" else _place(text)


def _keys(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split())


def _login(text: str) -> Credentials:
    try:
        user, colon, password = Path(text).read_text(encoding="utf-8").strip().partition(":")
    except (OSError, UnicodeDecodeError) as exc:
        raise argparse.ArgumentTypeError(f"{text}: {exc}") from exc
    if not colon or not user or not password:
        raise argparse.ArgumentTypeError(f"{text} does not hold USER:PASSWORD")
    return Credentials(user, password)
