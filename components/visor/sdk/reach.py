"""Getting a connection to the visor: its address, and patience with one that is still starting."""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from components.mesh.errors import CallerError, reason
from components.visor.apps import place
from components.visor.sdk.errors import Misuse, NoVisor

AGAIN_S: Final = 0.05
_LATER: Final = (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ENOTDIR)


def path_of(address: str | None, environ: Mapping[str, str]) -> Path:
    """The control socket an address means. Raises `Misuse`."""
    text = address or environ.get(place.VARIABLE, "")
    usual = place.default_path(environ)
    if not text:
        return usual
    try:
        found = place.parse(text)
    except CallerError as exc:
        raise Misuse(str(exc)) from exc
    if isinstance(found, Path):
        return found
    if not place.is_here(found.host):
        raise Misuse(f"{text} is an address of another host: write KEY@{text} for a visor there")
    return place.port_link(usual, found.port)


async def reach(path: Path, patience_s: float) -> socket.socket:
    """A connected socket. Raises `NoVisor` saying what to do."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        try:
            return _connected(path)
        except OSError as exc:
            if exc.errno not in _LATER or loop.time() >= deadline:
                raise NoVisor(_sentence(path, exc)) from exc
        await asyncio.sleep(AGAIN_S)


def _connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        with place.short(path) as name:
            sock.connect(name)
        if not place.same_user(sock) and os.geteuid() != 0:
            raise PermissionError(errno.EPERM, "it is run by another user")
    except BaseException:
        sock.close()
        raise
    return sock


def _sentence(path: Path, exc: OSError) -> str:
    if exc.errno in (errno.EACCES, errno.EPERM):
        return f"the visor at {path} belongs to another user"
    return (
        f"no visor answers at {path} ({reason(exc)}); start one with: viscript start meshnet-node, "
        f"or set {place.VARIABLE}"
    )
