"""`python -P -m plugins.terminal.copying SOURCE... TARGET`: files to a peer's terminal, or from it, by SFTP.

One side is PEER:PATH, the other a path here. Exit codes: 0 all is copied, 1 something is not, 255 the peer
could not be asked.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import asyncssh

from components.visor.app import AppError
from plugins.terminal import options
from plugins.terminal.dialling import OUR_FAULT, NoTerminal, connected
from plugins.terminal.options import CopyOptions

FAILED = 1
INTERRUPTED = 130
USAGE = 2


class WrongPlaces(Exception):
    """What is to be copied where is not said rightly."""


class NotCopied(Exception):
    """Something is not there now; the text says what and why."""


@dataclass(frozen=True)
class Plan:
    """Paths of one side to a path of the other."""

    peer: str
    sources: tuple[str, ...]
    target: str
    up: bool  # from here to the peer


def plan(sources: Sequence[str], target: str) -> Plan:
    """Who sends what to whom. Raises `WrongPlaces`."""
    parted = [_parted(place) for place in sources]
    peers = {peer for peer, _ in parted}
    to, path = _parted(target)
    paths = tuple(path for _, path in parted)
    if to and peers == {""}:
        return Plan(to, paths, path, up=True)
    if not to and len(peers) == 1 and "" not in peers:
        return Plan(peers.pop(), paths, path, up=False)
    raise WrongPlaces("one side is a path here, the other PEER:PATH of one peer")


def _parted(place: str) -> tuple[str, str]:
    """Peer and path; a colon behind a slash belongs to the path."""
    peer, colon, path = place.partition(":")
    if not colon or "/" in peer:
        return "", place
    return peer, path or "."


async def run(given: CopyOptions) -> None:
    """Copy. Raises `WrongPlaces`, `NotCopied`, `NoTerminal`, `AppError` or `asyncssh.Error`."""
    wanted = plan(given.sources, given.target)
    async with connected(wanted.peer, given.port, given.visor) as connection:
        try:
            async with connection.start_sftp_client() as files:
                copy = files.put if wanted.up else files.mget
                await copy(list(wanted.sources), wanted.target, recurse=given.recurse, preserve=True)
        except asyncssh.ChannelOpenError as exc:
            raise NotCopied("the terminal there copies no files") from exc
        except (OSError, asyncssh.SFTPError) as exc:
            raise NotCopied(_sentence(exc)) from exc


def _sentence(exc: OSError | asyncssh.SFTPError) -> str:
    reason = exc.strerror if isinstance(exc, OSError) else exc.reason
    paths = (getattr(exc, name, None) for name in ("srcpath", "dstpath"))
    texts = [
        path.decode(errors="replace") if isinstance(path, bytes) else str(path) for path in paths if path
    ]
    return f"{' to '.join(texts)}: {reason or exc}" if texts else str(reason or exc)


def main(words: Sequence[str]) -> int:
    """Run it; the exit code."""
    given = options.copy(words)
    asyncssh.set_log_level(logging.CRITICAL)
    try:
        asyncio.run(run(given))
    except (WrongPlaces, NotCopied, NoTerminal, AppError, asyncssh.Error, OSError) as exc:
        print(f"scp: {str(exc) or type(exc).__name__}", file=sys.stderr)
        if isinstance(exc, WrongPlaces):
            return USAGE
        return FAILED if isinstance(exc, NotCopied) else OUR_FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
