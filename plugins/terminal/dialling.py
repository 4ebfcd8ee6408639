"""SSH to the terminal of a peer, for the programs `ssh` and `scp` of this plugin.

No host key is checked here: the stream ends at the node with the key that was dialled, or nowhere.
"""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncssh

from components.visor.app import App, PeerRefused
from plugins.terminal.account import is_plain

GREETING_S: Final = 30.0
ALIVE_S, ALIVE_TIMES = 30.0, 10  # a stream may outlive its routes for that long
PATIENCE_S: Final = 3.0  # for a visor that is still starting
OUR_FAULT: Final = 255  # the exit code of ssh where it is not the command's
_GREETING: Final = b"SSH-"
_PEEK: Final = 512
CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")


class NoTerminal(Exception):
    """There is no terminal for us at the peer; the text says why."""


@asynccontextmanager
async def connected(peer: str, port: int, visor: str | None) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection to the terminal of `peer`. Raises `NoTerminal`, `AppError` or `asyncssh.Error`."""
    async with App.connect(visor, name="ssh", patience_s=PATIENCE_S) as app:
        key = await app.resolve(peer)
        try:
            stream = await app.dial(key, port)
        except PeerRefused as exc:
            raise NoTerminal(f"{exc}; is `start terminal` done at {peer}?") from exc
        sock, _ = stream.detach()
        with sock:
            async with await _over(sock, peer) as connection:
                yield connection


async def _over(sock: socket.socket, peer: str) -> asyncssh.SSHClientConnection:
    try:
        async with asyncio.timeout(GREETING_S):
            check_greeting(await _first(sock), peer)
    except TimeoutError as exc:
        raise NoTerminal(f"{peer} does not speak SSH: no greeting within {GREETING_S:g} s") from exc
    return await asyncssh.connect(
        host=peer,
        sock=sock,
        config=None,
        username=getpass.getuser(),
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        encryption_algs=CIPHERS,
        compression_algs=None,
        connect_timeout=GREETING_S,
        login_timeout=GREETING_S,
        keepalive_interval=ALIVE_S,
        keepalive_count_max=ALIVE_TIMES,
    )


async def _first(sock: socket.socket) -> bytes:
    """The first bytes, which stay to be read."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(sock.fileno(), came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(sock.fileno())
    try:
        return sock.recv(_PEEK, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""  # it was broken off


def check_greeting(first: bytes, peer: str) -> None:
    """A terminal that does not let us in says why in a line. Raises `NoTerminal`."""
    if not first:
        raise NoTerminal(f"{peer} hung up without a word")
    if first[: len(_GREETING)] == _GREETING[: len(first)]:
        return
    line = first.partition(b"\n")[0].decode("ascii", "replace").strip()
    raise NoTerminal(f"{peer}: {line}" if is_plain(line) else f"{peer} does not speak SSH there")
