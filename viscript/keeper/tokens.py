"""The secret by which a launch joins the bus over tcp: made from its app's key, handed over in a pipe.

token       HMAC-SHA256(the app's key, "SEQ.GENERATION") as 64 hexadecimal digits. Daemon and keeper both make
            it, at any time: nothing is stored or sent, and a run that the keeper started while the daemon was
            away is known to the next one
descriptor  the reading end of a pipe that holds the token and nothing else: who reads it has it alone
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from viscript.keeper.protocol import Refusal

DESCRIPTOR: Final = 50  # 3 and 4 belong to pipe apps and socket activation


def token_of(key: str | None, seq: int, gen: int) -> str:
    """The token of one launch; empty for an app that has no key."""
    if key is None:
        return ""
    import hmac  # it loads OpenSSL, which a keeper of other apps does not need

    return hmac.digest(bytes.fromhex(key), f"{seq}.{gen}".encode(), "sha256").hex()


@contextmanager
def pipe(secret: str) -> Iterator[Mapping[int, int]]:
    """Which descriptor of ours becomes which of the new process; none without a secret. Raises `Refusal`."""
    if not secret:
        yield {}
        return
    try:
        reading = _holding(secret.encode())
    except OSError as exc:
        raise Refusal("spawn", f"no pipe for its token can be made: {exc.strerror}") from exc
    try:
        yield {reading: DESCRIPTOR}
    finally:
        os.close(reading)


def _holding(data: bytes) -> int:
    """The reading end of a pipe with this in it; never the number it is to have in the new process."""
    reading, writing = os.pipe()
    try:
        os.write(writing, data)  # far less than a pipe holds
        return fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, DESCRIPTOR + 1)
    finally:
        os.close(writing)
        os.close(reading)
