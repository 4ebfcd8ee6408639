"""How a program learns where its server is: the variables a daemon sets for what it starts.

    VISCRIPT_ENDPOINT     where to connect: ipc://PATH or tcp://HOST:PORT
    VISCRIPT_HOME_ID      which home that is
    VISCRIPT_SEQ          the id of this app; 0 or unset asks for a new one
    VISCRIPT_GENERATION   counts its launches
    VISCRIPT_SERVER_KEY   the server's CURVE key in hexadecimal; tcp only
    VISCRIPT_TOKEN_FD     a pipe (descriptor >= 50) to read a token from, once; tcp only
    VISCRIPT_IDENTITY     this host's identity file; read for tcp only, by a program without a token

Without VISCRIPT_ENDPOINT the original's SIGNAL_CLIENT=1, SIGNAL_CLIENT_ID and SIGNAL_SERVER_ADDRESS are read.
"""

import os
import select
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signal_bus.errors import BadEnvironment, NotSupervised
from signal_bus.ids import CurveKey, Generation, SeqId

NO_SEQ: Final = SeqId(0)
FIRST: Final = Generation(0)
TOKEN_FD: Final = "VISCRIPT_TOKEN_FD"  # noqa: S105 (a variable's name)
LOWEST_TOKEN_FD: Final = 50  # 3 and 4 belong to pipe apps and socket activation
_TOKEN_BYTES: Final = 256
_KEY_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the server is and who we are to it."""

    endpoint: str
    home_id: str = ""
    seq: SeqId = NO_SEQ
    generation: Generation = FIRST
    token: str = field(default="", repr=False)
    server_key: CurveKey | None = None
    identity: str = ""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in the environment. Raises `NotSupervised` when there are none, or `BadEnvironment`."""
    endpoint = environ.get("VISCRIPT_ENDPOINT", "")
    if endpoint:
        seq, generation = "VISCRIPT_SEQ", "VISCRIPT_GENERATION"
    else:
        endpoint = _original(environ)
        seq, generation = "SIGNAL_CLIENT_ID", "VISCRIPT_GENERATION"
    if not endpoint.startswith(("ipc://", "tcp://", "inproc://")):
        raise BadEnvironment("VISCRIPT_ENDPOINT", endpoint)
    return Settings(
        endpoint=endpoint,
        home_id=environ.get("VISCRIPT_HOME_ID", ""),
        seq=SeqId(_number(environ, seq)),
        generation=Generation(_number(environ, generation)),
        token=_token(environ),
        server_key=_key(environ),
        identity=_identity(environ),
    )


def _original(environ: Mapping[str, str]) -> str:
    address = environ.get("SIGNAL_SERVER_ADDRESS", "")
    if environ.get("SIGNAL_CLIENT") != "1" or "://" not in address:
        raise NotSupervised("VISCRIPT_ENDPOINT")
    return address


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadEnvironment(name, text)
    return int(text)


def _token(environ: Mapping[str, str]) -> str:
    """Read the token and close its descriptor, so that no child of ours inherits it."""
    if not environ.get(TOKEN_FD):
        return ""
    descriptor = _number(environ, TOKEN_FD)
    if descriptor < LOWEST_TOKEN_FD:
        raise BadEnvironment(TOKEN_FD, str(descriptor))
    try:
        if not _holds_a_word(descriptor):
            return ""
        token = os.read(descriptor, _TOKEN_BYTES)
        os.close(descriptor)
    except OSError:
        return ""  # read before, by an earlier client in this process
    return token.decode("ascii", "replace").strip()


def _holds_a_word(descriptor: int) -> bool:
    """Whether it is a pipe to be read without waiting: a child finds the number, and something else there."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _key(environ: Mapping[str, str]) -> CurveKey | None:
    text = environ.get("VISCRIPT_SERVER_KEY", "")
    if not text:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise BadEnvironment("VISCRIPT_SERVER_KEY", text)
    return CurveKey(key)


def _identity(environ: Mapping[str, str]) -> str:
    path = environ.get("VISCRIPT_IDENTITY", "")
    if path and not Path(path).is_absolute():
        raise BadEnvironment("VISCRIPT_IDENTITY", path)
    return path
