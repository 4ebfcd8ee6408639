"""What the programs are told on their command lines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.visor.kit.words import listed, parser, port

PORT: Final = 2
SSH_PORT: Final = 22  # what `ssh` asks for when it is told no port


@dataclass(frozen=True)
class ServerOptions:
    """Of the terminal; without `host_key` the key is kept in the app's own folder."""

    name: str
    visor: str | None
    ports: tuple[int, ...]
    allow: tuple[str, ...]
    files: bool
    host_key: Path | None


@dataclass(frozen=True)
class ShellOptions:
    """Of one use of it; `tty` is None where the local terminal decides."""

    peer: str
    command: str
    visor: str | None
    port: int
    tty: bool | None


@dataclass(frozen=True)
class PeerOptions:
    """Whose terminal."""

    peer: str
    visor: str | None
    port: int


@dataclass(frozen=True)
class CopyOptions:
    """Of one copy."""

    sources: tuple[str, ...]
    target: str
    visor: str | None
    port: int
    recurse: bool


def server(words: Sequence[str]) -> ServerOptions:
    """The options of the terminal. Wrong ones end the program with code 2."""
    made = parser("terminal", "mesh port to listen on; 2 comes with 22", PORT)
    made.add_argument("--allow", type=listed, default=(), metavar="PEER,...", help="who gets a shell")
    made.add_argument("--no-files", action="store_true", help="no SFTP")
    made.add_argument("--host-key", type=Path, metavar="FILE", help="of SSH; made when missing")
    given = made.parse_args(words)
    ports = (PORT, SSH_PORT) if given.port == PORT else (given.port,)
    return ServerOptions(given.name, given.visor, ports, given.allow, not given.no_files, given.host_key)


def shell(words: Sequence[str]) -> ShellOptions:
    """The options of `ssh`. Wrong ones end the program with code 2."""
    made = _client("ssh")
    tty = made.add_mutually_exclusive_group()
    tty.add_argument("-t", "--tty", action="store_true", default=None, help="with a terminal")
    tty.add_argument("-T", "--no-tty", action="store_false", dest="tty", help="without one")
    made.add_argument("peer", help="a key, its first digits, or a label")
    made.add_argument("command", nargs=argparse.REMAINDER, help="runs in a shell there")
    given = made.parse_args(words)
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    return ShellOptions(given.peer, " ".join(command), given.visor, given.port, given.tty)


def known(words: Sequence[str]) -> PeerOptions:
    """The options of `terminal known_hosts`. Wrong ones end the program with code 2."""
    made = _client("terminal known_hosts")
    made.add_argument("peer", help="a key, its first digits, or a label")
    given = made.parse_args(words)
    return PeerOptions(given.peer, given.visor, given.port)


def copy(words: Sequence[str]) -> CopyOptions:
    """The options of `scp`. Wrong ones end the program with code 2."""
    made = _client("scp")
    made.add_argument("-r", "--recurse", action="store_true", help="folders too")
    made.add_argument("sources", nargs="+", metavar="SOURCE", help="PATH, or PEER:PATH")
    made.add_argument("target", help="PATH, or PEER:PATH")
    given = made.parse_args(words)
    return CopyOptions(tuple(given.sources), given.target, given.visor, given.port, given.recurse)


def _client(name: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    made.add_argument("--visor", help="its path, or host:port")
    made.add_argument("-p", "--port", type=port, default=PORT, metavar="N", help="mesh port of the terminal")
    return made
