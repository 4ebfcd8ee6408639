"""What the apps are told on their command lines, in the seeds' order and with options behind."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final

from components.visor.kit.words import listed, parser, port
from plugins.vpn.firewall import Network
from plugins.vpn.plan import Wish
from plugins.vpn.pool import SMALLEST, USUAL4, USUAL6

EXIT_PORT: Final = 44
CLIENT_PORT: Final = 43
MTU: Final = 1400
_MTU_LEAST: Final = 1280  # IPv6 needs it
_MTU_MOST: Final = 65_000


@dataclass(frozen=True)
class ServerOptions:
    """Of an exit. `pool6` is None where clients get no IPv6; without `dns` the host's resolvers are asked."""

    name: str
    visor: str | None
    port: int
    allow: tuple[str, ...]
    allow_private: bool
    pool: IPv4Network
    pool6: IPv6Network | None
    dns: tuple[str, ...]
    mtu: int
    state: Path


@dataclass(frozen=True)
class ClientOptions:
    """Of a client."""

    name: str
    visor: str | None
    peer: str
    exit_port: int
    wish: Wish
    names: bool  # whether questions to resolvers go to the exit
    state: Path


def server(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> ServerOptions:
    """The options of an exit. Wrong ones end the program with code 2."""
    made = parser("vpn-server", "mesh port to listen on", EXIT_PORT)
    made.add_argument("--allow", type=listed, default=(), metavar="KEY,...", help="who may use it")
    made.add_argument("--allow-private", action="store_true", help="private addresses may be gone to")
    made.add_argument("--pool", type=_pool, default=USUAL4, metavar="CIDR", help="IPv4 of clients")
    made.add_argument("--pool6", type=_pool6, default=USUAL6, metavar="CIDR|off", help="their IPv6")
    made.add_argument("--dns", type=_addresses, default=(), metavar="ADDRESS,...", help="resolvers to ask")
    made.add_argument("--mtu", type=_mtu, default=MTU, metavar="N", help="of the tunnel")
    made.add_argument("--state", type=Path, metavar="DIR", help="default $VISCRIPT_STATE")
    given = made.parse_args(words)
    return ServerOptions(
        given.name,
        given.visor,
        given.port,
        given.allow,
        given.allow_private,
        given.pool,
        given.pool6,
        given.dns,
        given.mtu,
        given.state or default_state(environ, "vpn-server"),
    )


def client(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> ClientOptions:
    """The options of a client. Wrong ones end the program with code 2."""
    made = parser("vpn-client", "for the seeds' sake; unused", CLIENT_PORT)
    made.add_argument("--peer", required=True, metavar="KEY", help="the exit")
    made.add_argument("--exit-port", type=port, default=EXIT_PORT, metavar="N", help="its mesh port")
    made.add_argument("--kill-switch", action="store_true", help="nothing leaves past the tunnel")
    made.add_argument("--split", type=networks, default=(), metavar="CIDR,...", help="only these go there")
    made.add_argument("--direct", type=networks, default=(), metavar="CIDR,...", help="these never do")
    made.add_argument("--own-dns", action="store_true", help="names are asked for as without the tunnel")
    made.add_argument("--state", type=Path, metavar="DIR", help="default $VISCRIPT_STATE")
    given = made.parse_args(words)
    wish = Wish(given.kill_switch, given.split, given.direct)
    names = not given.own_dns and not given.split
    state = given.state or default_state(environ, "vpn-client")
    return ClientOptions(given.name, given.visor, given.peer, given.exit_port, wish, names, state)


def default_state(environ: Mapping[str, str], name: str) -> Path:
    """Where the journal lies: in the daemon's home, one for all instances of the app; else in the user's."""
    given = environ.get("VISCRIPT_STATE")
    if given:
        return Path(given).parent / name
    states = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '.')}/.local/state"
    return Path(states) / "viscript" / name


def networks(text: str) -> tuple[Network, ...]:
    """Networks between commas, overlaps joined. Raises `ArgumentTypeError`."""
    try:
        return tuple(dict.fromkeys(ip_network(word) for word in listed(text)))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _pool(text: str) -> IPv4Network:
    try:
        made = IPv4Network(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    if not 8 <= made.prefixlen <= SMALLEST:
        raise argparse.ArgumentTypeError(f"{text}: a network from /8 to /{SMALLEST} is expected")
    return made


def _pool6(text: str) -> IPv6Network | None:
    if text == "off":
        return None
    try:
        made = IPv6Network(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    if made.prefixlen > 96:
        raise argparse.ArgumentTypeError(f"{text}: a network of /96 or larger is expected")
    return made


def _addresses(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(word)) for word in listed(text))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _mtu(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not _MTU_LEAST <= int(text) <= _MTU_MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from {_MTU_LEAST} to {_MTU_MOST} is expected")
    return int(text)
