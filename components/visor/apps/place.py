"""Where a visor's apps reach it: paths, the forms of an address, and unix sockets with long paths.

/a/path            the control socket itself
host:port          of this host: the same, by a link `port-PORT.sock` beside the socket
nothing            VISCRIPT_VISOR, else `state/visor/app.sock` in the home
"""

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from components.mesh.errors import CallerError

VARIABLE: Final = "VISCRIPT_VISOR"
SOCKET: Final = "app.sock"
VISOR: Final = "visor"  # the app that the programs of a home ask
_CREDENTIALS: Final = struct.Struct("iII")
LONGEST: Final = 100  # of a path in a socket's address; the kernel takes 107 bytes


class HostPort(NamedTuple):
    """An address as the original's apps have it."""

    host: str
    port: int


def default_path(environ: Mapping[str, str]) -> Path:
    """The control socket of the visor of this home."""
    home = environ.get("VISCRIPT_HOME")
    if home:
        return Path(home).absolute() / "state" / VISOR / SOCKET
    own = environ.get("VISCRIPT_STATE")  # of an app that a daemon started: the visor's lies beside it
    if own:
        return Path(own).absolute().parent / VISOR / SOCKET
    state = environ.get("XDG_STATE_HOME", "")
    root = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return root / "viscript" / "state" / VISOR / SOCKET


def name_in_home(environ: Mapping[str, str]) -> Path | None:
    """Where the programs of a home look for its visor, if that is this process: a daemon says so."""
    own = environ.get("VISCRIPT_STATE")
    return Path(own).absolute() / SOCKET if own and Path(own).name == VISOR else None


def parse(text: str) -> Path | HostPort:
    """The address in a text. Raises `CallerError` saying which forms there are."""
    if "/" in text:
        return Path(text)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise CallerError(f"{text!r} is no address of a visor: write a path, as ./app.sock, or host:port")
    return HostPort(host.strip("[]"), int(port))


def is_here(host: str) -> bool:
    """Whether an address is one of this host's: a socket can be bound to it. Names are not looked up."""
    if host in ("", "localhost", socket.gethostname()):
        return True
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def port_link(path: Path, port: int) -> Path:
    """The name of a control socket for those who know its port only."""
    return path.with_name(f"port-{port}.sock")


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """A name for `path` that fits into a socket's address, as long as the block lasts."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def same_user(sock: socket.socket) -> bool:
    """Whether the process at the other end of a unix socket runs as we do, or as root."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # then the socket's mode decides
        return True
    _pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return uid in (0, os.geteuid())
