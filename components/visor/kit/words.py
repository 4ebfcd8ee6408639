"""The words on the command line of an app of the mesh: the seeds' three first, options behind."""

from __future__ import annotations

import argparse
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_PORT_MAX: Final = 65_535

HostPort = tuple[str, int]


def parser(name: str, port_help: str, usual: int) -> argparse.ArgumentParser:
    """A parser that knows `name`, `visor` and `port`; wrong words end the program with code 2."""
    made = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    made.add_argument("name", nargs="?", default=name, help="of the instance")
    made.add_argument("visor", nargs="?", type=_visor, metavar="VISOR", help="its path, or host:port")
    made.add_argument("port", nargs="?", type=port, default=usual, help=f"{port_help} (default {usual})")
    return made


def port(text: str) -> int:
    """A TCP or mesh port, 1 to 65535. Raises `ArgumentTypeError`."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to {_PORT_MAX} are")
    return int(text)


def place(text: str) -> HostPort:
    """`HOST:PORT`, `[HOST]:PORT` or `:PORT`; port 0 is any free one. Raises `ArgumentTypeError`."""
    host, colon, number = text.rpartition(":")
    if not colon or not number.isascii() or not number.isdecimal() or int(number) > _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host.strip("[]") or LOOPBACK, int(number)


def place_or_off(text: str) -> HostPort | None:
    """The same, or `off`: None. Raises `ArgumentTypeError`."""
    return None if text == "off" else place(text)


def listed(text: str) -> tuple[str, ...]:
    """Words between commas or blanks."""
    return tuple(text.replace(",", " ").split())


def _visor(text: str) -> str | None:
    return text or None
