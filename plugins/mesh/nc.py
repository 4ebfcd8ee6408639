"""`python -P -m plugins.mesh.nc PEER PORT`: standard input and output are a stream to an app of a peer.

The verb `mesh nc` runs it in the caller's place. The visor is given one end of a socket pair, or the caller's
own socket where input and output are one; so it reads and writes the bytes itself, and tells how it ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from components.visor.app import (
    App,
    AppError,
    DialError,
    DialTimeout,
    Handed,
    Misuse,
    NoVisor,
    PeerRefused,
    StreamReset,
    UnknownName,
)
from components.visor.kit.words import port
from plugins.mesh import stdio
from plugins.mesh.stdio import OutputError
from viscript.plugin import ExitCode

PATIENCE_S: Final = 1.0  # with a visor that is being started anew
NAME: Final = "nc"
BROKEN: Final = 3  # as the visor tells of an app that closed a stream before it had read it

# The first that fits; the same numbers as everywhere (docs/reference/exit-codes.md).
CODES: Final[tuple[tuple[type[AppError], ExitCode], ...]] = (
    (UnknownName, ExitCode.NOT_FOUND),
    (Misuse, ExitCode.USAGE),
    (NoVisor, ExitCode.NOT_HEALTHY),
    (PeerRefused, ExitCode.NOT_HEALTHY),
    (DialTimeout, ExitCode.TIMED_OUT),
    (DialError, ExitCode.UNREACHABLE),
    (AppError, ExitCode.FAILED),
)


async def run(peer: str, port: int, visor: str | None = None) -> None:
    """Dial, and carry bytes until both directions have ended. Raises `AppError` or `OutputError`."""
    async with App.connect(visor, name=NAME, patience_s=PATIENCE_S) as app:
        key = await app.resolve(peer)
        whole = stdio.one_socket()
        if whole is not None:
            await _given(await app.hand_over(whole, key, port))
            return
        ours, visors = socket.socketpair()
        with ours:
            await _copied(await app.hand_over(visors, key, port), ours)


async def _given(handed: Handed) -> None:
    """The visor has the caller's socket; or an app of this same node has it, and no end is told."""
    stdio.let_go(stdio.IN, stdio.OUT)
    if handed.id:
        await handed.wait()


async def _copied(handed: Handed, ours: socket.socket) -> None:
    up, down = stdio.beside(partial(stdio.upwards, ours)), stdio.beside(partial(stdio.downwards, ours))
    fault = await down
    if isinstance(fault, OutputError):
        raise fault
    if os.isatty(stdio.IN):  # a person wants the prompt back when the peer has ended
        with contextlib.suppress(OSError):
            ours.shutdown(socket.SHUT_WR)
    if handed.id:
        await handed.wait()  # for both directions, or for a break
    elif fault or await up:
        raise StreamReset(BROKEN)


def main(words: Sequence[str]) -> int:
    """Run it, and say in one line what is wrong; the exit code."""
    asked = argparse.ArgumentParser(prog="mesh nc", allow_abbrev=False)
    asked.add_argument("--visor", help="its address; this home's when left out")
    asked.add_argument("peer", metavar="PEER", help="a key, its first digits, or a label")
    asked.add_argument("port", metavar="PORT", type=port, help="the mesh port of an app there")
    given = asked.parse_args(words)
    try:
        asyncio.run(run(given.peer, given.port, given.visor))
    except AppError as exc:
        print(f"mesh nc: {exc}", file=sys.stderr)
        return next(code for kind, code in CODES if isinstance(exc, kind))
    except OutputError as exc:
        print(f"mesh nc: standard output: {exc.strerror}", file=sys.stderr)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
