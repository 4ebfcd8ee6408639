"""`python -P -m plugins.terminal.known PEER`: the line of a known_hosts file for the terminal of a peer.

It is asked for over a stream that ends at the node with the right key, so it can be trusted as that key is.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence

import asyncssh

from components.visor.app import AppError
from plugins.terminal import options
from plugins.terminal.dialling import NoTerminal, connected
from plugins.terminal.options import PeerOptions


async def run(given: PeerOptions) -> str:
    """The line. Raises `NoTerminal`, `AppError` or `asyncssh.Error`."""
    async with connected(given.peer, given.port, given.visor) as connection:
        key = connection.get_server_host_key()
        assert key is not None  # of each SSH connection that came about
        algorithm, data, *_ = key.export_public_key("openssh").decode().split()
        return f"{given.peer} {algorithm} {data}"


def main(words: Sequence[str]) -> int:
    """Print it; the exit code."""
    given = options.known(words)
    asyncssh.set_log_level(logging.CRITICAL)
    try:
        print(asyncio.run(run(given)))
    except (NoTerminal, AppError, asyncssh.Error, OSError) as exc:
        print(f"terminal known_hosts: {str(exc) or type(exc).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
